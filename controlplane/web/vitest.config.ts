import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

// The tests live with all others of the house, in tests/controlplane/web.
export default defineConfig({
  root: path('../..'),
  cacheDir: path('node_modules/.vite'),
  resolve: { alias: { vitest: path('node_modules/vitest'), '@byon/sdk': path('sdk/src/byon.ts') } },
  test: { include: ['tests/controlplane/web/**/*.test.ts'], environment: 'node', restoreMocks: true },
  server: { fs: { allow: [path('../..')] } },
});
