"""Writes a C++ header that holds a text file as a string constant: embed_text.py IN OUT NAMESPACE NAME."""
import sys

source, target, namespace, name = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    text = file.read()
# Compilers bound the length of one literal, so the text goes in pieces.
pieces = [text[i:i + 4000] for i in range(0, len(text), 4000)]
with open(target, "w", encoding="utf-8") as file:
    file.write("#pragma once\n\n#include <string_view>\n\n")
    file.write(f"namespace {namespace} {{\n\ninline constexpr std::string_view {name} =\n")
    for piece in pieces:
        file.write(f'R"~~~({piece})~~~"\n')
    file.write(f";\n\n}}  // namespace {namespace}\n")
