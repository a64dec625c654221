#!/usr/bin/env python3
"""Writes a C++ file that holds files as data: embed_files.py OUTPUT ROOT FILE..."""
import pathlib
import sys

output, root, *names = sys.argv[1:]
parts = ['#include "controlplane/http/embedded_files.h"\n\nnamespace byon::http {\nnamespace {\n']
entries = []
for index, name in enumerate(sorted(names)):
    content = pathlib.Path(name).read_bytes()
    path = '/' + pathlib.Path(name).resolve().relative_to(pathlib.Path(root).resolve()).as_posix()
    lines = [','.join(str(byte) for byte in content[i:i + 40]) for i in range(0, len(content), 40)]
    parts.append(f'// {path}\nconstexpr unsigned char kFile{index}[] = {{\n' + ',\n'.join(lines) + '};\n')
    entries.append(f'    {{"{path}", {{reinterpret_cast<const char*>(kFile{index}), sizeof kFile{index}}}}},\n')
parts.append(f'const EmbeddedFile kFiles[] = {{\n{"".join(entries)}}};\n}}  // namespace\n\n'
             'std::span<const EmbeddedFile> EmbeddedFiles() { return kFiles; }\n\n}  // namespace byon::http\n')
pathlib.Path(output).write_text(''.join(parts))
