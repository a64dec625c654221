// Directories that are gone when all went well.
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

const directories = [];

function leave(status) {
  for (const directory of directories) {
    if (status === 0) rmSync(directory, { recursive: true, force: true });
    else console.error(`logs are kept in ${directory}`);
  }
}

/**
 * A new directory under the system's temporary one. When the process ends with status 0 it is removed; when it ends
 * otherwise (a failed test sets the status) it is kept, and standard error says where.
 * @param {string} prefix of its name
 */
export async function temporaryDirectory(prefix) {
  const directory = await mkdtemp(path.join(os.tmpdir(), prefix));
  if (directories.push(directory) === 1) process.on('exit', leave);
  return directory;
}
