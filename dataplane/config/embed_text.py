"""Writes a C++ header with a text file in it as a constant: embed_text.py INPUT OUTPUT."""
import sys

source, target = sys.argv[1:3]
with open(source, encoding='utf-8') as text, open(target, 'w', encoding='utf-8') as header:
    header.write('#pragma once\n\n#include <string_view>\n\nnamespace byon::config {\n\n'
                 'inline constexpr std::string_view kConfigSchema = R"schema(')
    header.write(text.read())
    header.write(')schema";\n\n}  // namespace byon::config\n')
