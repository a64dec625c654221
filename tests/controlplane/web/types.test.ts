import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const WEB = fileURLToPath(new URL('../../../controlplane/web/', import.meta.url));
const run = (...parameters: string[]) => spawnSync(process.execPath, parameters, { cwd: WEB, encoding: 'utf8', timeout: 60_000 });

test('the tests themselves keep to the types', { timeout: 60_000 }, () => {
  const { status, stdout } = run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json');
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
