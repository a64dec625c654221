// Builds what the gateway serves to browsers: the SDK (one ES module, its types, its reference pages) and the web client.
//   node build.mjs [--out DIR] [--stamp FILE --depfile FILE]
// The stamp and the list of what was read are for the build system.
import { spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';

const ROOT = path.dirname(fileURLToPath(import.meta.url));
/** What a page pays before its first call. */
const MOST_SDK_BYTES = 25 * 1024;

const { values: options } = parseArgs({ options: { out: { type: 'string' }, stamp: { type: 'string' }, depfile: { type: 'string' } } });
const out = path.resolve(options.out ?? path.join(ROOT, 'site'));
const here = (...parts) => path.join(ROOT, ...parts);

const esbuild = await import('esbuild').catch(() => {
  console.error('The modules of controlplane/web are not installed: run tools/setup.');
  process.exit(1);
});

const common = { bundle: true, format: 'esm', target: ['es2022', 'chrome115', 'firefox115', 'safari16.4'], charset: 'utf8', legalComments: 'none', minify: true, metafile: true, absWorkingDir: ROOT, logLevel: 'error' };

function run(module, ...parameters) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [here('node_modules', module), ...parameters], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${module}:\n${output}`))));
  });
}

async function sourcesOf(folder) {
  const entries = await readdir(here(folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

/** The SDK's reference pages. A public name that speaks of one that is not, or a link that leads nowhere, is an error. */
async function buildReference() {
  const folder = path.join(out, 'sdk', 'reference');
  await run('typedoc/bin/typedoc', '--options', here('typedoc.json'), '--out', folder);
  const pages = await readdir(folder, { recursive: true });
  // The gateway's security policy takes no inline script; the one here only avoids a flicker.
  await Promise.all(pages.filter((name) => name.endsWith('.html')).map(async (name) => {
    const page = path.join(folder, name);
    await writeFile(page, (await readFile(page, 'utf8')).replace(/<script>[^<]*<\/script>/g, ''));
  }));
}

async function build() {
  await rm(out, { recursive: true, force: true });
  await mkdir(path.join(out, 'sdk'), { recursive: true });
  await mkdir(path.join(out, 'app'), { recursive: true });
  await Promise.all([
    run('typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'),
    run('dts-bundle-generator/dist/bin/dts-bundle-generator.js', '--silent', '--no-check', '--no-banner', '--export-referenced-types=false',
      '--project', 'tsconfig.json', '-o', path.join(out, 'sdk', 'byon.d.ts'), 'sdk/src/byon.ts'),
    esbuild.build({ ...common, entryPoints: ['sdk/src/byon.ts'], outfile: path.join(out, 'sdk', 'byon.js') }),
    // The page uses the SDK as any other page does: as the file that the gateway serves.
    esbuild.build({ ...common, entryPoints: ['app/app.ts'], outfile: path.join(out, 'app', 'app.js'), external: ['../sdk/byon.js'], alias: { '@byon/sdk': '../sdk/byon.js' } }),
    // The button for pages of businesses uses the SDK that lies beside it; the gateway's own such page uses the button.
    esbuild.build({ ...common, entryPoints: ['button/byon_call.ts'], outfile: path.join(out, 'sdk', 'byon-call.js'), external: ['./byon.js'], alias: { '@byon/sdk': './byon.js' } }),
    esbuild.build({ ...common, entryPoints: ['button/page.ts'], outfile: path.join(out, 'app', 'click_to_call.js') }),
    esbuild.build({ ...common, entryPoints: ['button/page.css'], outfile: path.join(out, 'app', 'click_to_call.css') }),
    copyFile(here('click-to-call.html'), path.join(out, 'click-to-call.html')),
    // A service worker is no module, and serves the pages of its own folder.
    esbuild.build({ ...common, format: 'iife', entryPoints: ['app/push_worker.ts'], outfile: path.join(out, 'push_worker.js') }),
    esbuild.build({ ...common, entryPoints: ['app/style.css'], outfile: path.join(out, 'app', 'style.css') }),
    buildReference(),
    copyFile(here('index.html'), path.join(out, 'index.html')),
    copyFile(here('app', 'icon.svg'), path.join(out, 'app', 'icon.svg')),
  ]);
  const bytes = gzipSync(readFileSync(path.join(out, 'sdk', 'byon.js'))).length;
  if (bytes > MOST_SDK_BYTES) throw new Error(`The SDK is ${bytes} bytes gzipped; at most ${MOST_SDK_BYTES} are allowed.`);
  return bytes;
}

try {
  const bytes = await build();
  const read = ['index.html', 'click-to-call.html', 'build.mjs', 'tsconfig.json', 'typedoc.json', 'package-lock.json', 'sdk/README.md', 'sdk/src', 'app', 'button'].map((name) => here(name));
  for (const folder of ['sdk/src', 'app', 'button']) read.push(...(await sourcesOf(folder)));
  if (options.depfile) await writeFile(options.depfile, `${path.basename(options.stamp)}: ${read.map((name) => name.replaceAll(' ', '\\ ')).join(' ')}\n`);
  if (options.stamp) await writeFile(options.stamp, `${bytes}\n`);
  else console.log(`${path.relative(process.cwd(), out)}: SDK ${bytes} bytes gzipped, page ${(await stat(path.join(out, 'app', 'app.js'))).size} bytes`);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
