#!/usr/bin/env python3
"""Writes a C++ file that holds all files of a folder as data: embed_files.py OUTPUT FOLDER"""
import pathlib
import sys

output, root = sys.argv[1:]
parts = ['#include "controlplane/http/embedded_files.h"\n\nnamespace byon::http {\nnamespace {\n']
entries = []
for index, file in enumerate(sorted(path for path in pathlib.Path(root).rglob('*') if path.is_file())):
    content = file.read_bytes()
    path = '/' + file.relative_to(root).as_posix()
    lines = [','.join(str(byte) for byte in content[i:i + 40]) for i in range(0, len(content), 40)]
    parts.append(f'// {path}\nconstexpr unsigned char kFile{index}[] = {{\n' + ',\n'.join(lines) + '};\n')
    entries.append(f'    {{"{path}", {{reinterpret_cast<const char*>(kFile{index}), sizeof kFile{index}}}}},\n')
parts.append(f'const EmbeddedFile kFiles[] = {{\n{"".join(entries)}}};\n}}  // namespace\n\n'
             'std::span<const EmbeddedFile> EmbeddedFiles() { return kFiles; }\n\n}  // namespace byon::http\n')
pathlib.Path(output).write_text(''.join(parts))
