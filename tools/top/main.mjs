// tools/byon top: a dataplane, live.
import { parseArgs } from 'node:util';
import { NodeWatch } from './node_watch.mjs';
import { ORDERS, callsByCodec } from './rates.mjs';
import { draw } from './screen.mjs';

const USAGE = `tools/byon top [ADDRESS] [options]: workers, packets, drops, codecs and the worst calls of a byon-dataplane, live.
ADDRESS is its control.listen: host:port or unix:/path (127.0.0.1:50051).
  --interval SECONDS   between two looks, 0.2 to 60 (1)
  --sort ORDER         mos, loss, delay or age (mos)
  --once               two looks, one print, no keys
  --json               with --once: as JSON
  --tls-ca FILE, --tls-cert FILE, --tls-key FILE   where the node asks for mutual TLS, PEM
`;

function refuse(sentence) {
  process.stderr.write(`byon top: ${sentence}\n`);
  process.exit(2);
}

function parse() {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        interval: { type: 'string', default: '1' }, sort: { type: 'string', default: 'mos' }, once: { type: 'boolean' }, json: { type: 'boolean' },
        'tls-ca': { type: 'string' }, 'tls-cert': { type: 'string' }, 'tls-key': { type: 'string' }, help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    refuse(error.message.split('\n')[0]);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const interval = Number(values.interval);
  if (!(interval >= 0.2 && interval <= 60)) refuse(`--interval is "${values.interval}", but must be 0.2 to 60 seconds.`);
  if (!Object.hasOwn(ORDERS, values.sort)) refuse(`--sort is "${values.sort}", but must be ${Object.keys(ORDERS).join(', ')}.`);
  if (positionals.length > 1) refuse(`${positionals[1]} is one address too many.`);
  return { ...values, interval, address: positionals[0] ?? '127.0.0.1:50051' };
}

const options = parse();
const state = { order: options.sort, isPaused: false, calls: [], codecs: [], looked: 0, address: options.address };
let watch;
try {
  watch = new NodeWatch(options.address, { ca: options['tls-ca'], cert: options['tls-cert'], key: options['tls-key'] });
} catch (error) {
  refuse(`${error.message}.`);
}

async function look() {
  try {
    const { node, rates, calls } = await watch.look();
    Object.assign(state, { node, rates, calls: calls.sort(ORDERS[state.order]), codecs: callsByCodec(calls), looked: calls.length, problem: undefined });
  } catch (error) {
    state.problem = `no answer from ${options.address}: ${error.details ?? error.message}`;
  }
}

const wait = () => new Promise((resolve) => setTimeout(resolve, options.interval * 1000));

async function once() {
  await look();
  if (!state.problem) {
    await wait();
    await look();
  }
  watch.close();
  if (state.problem) {
    process.stderr.write(`byon top: ${state.problem}\n`);
    process.exitCode = 1;
  } else if (options.json) {
    const { node, rates, calls, codecs } = state;
    process.stdout.write(`${JSON.stringify({ node, ...rates, codecs, calls }, null, 1)}\n`);
  } else {
    process.stdout.write(`${draw(state, { rows: 60, columns: 200 }).join('\n')}\n`);
  }
}

function show() {
  const lines = draw(state, { rows: process.stdout.rows, columns: process.stdout.columns, colours: !process.env.NO_COLOR });
  // Home, each line cleared to its end, the rest of the screen cleared: no flicker. No wrapping while lines are written.
  process.stdout.write(`\x1b[?7l\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J\x1b[?7h`);
}

async function live() {
  let isOver = false;
  let wake = () => {};
  const end = () => {
    isOver = true;
    wake();
  };
  process.stdout.write('\x1b[?1049h\x1b[?25l'); // the other screen, no cursor
  process.on('exit', () => process.stdout.write('\x1b[?25h\x1b[?1049l'));
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  process.stdout.on('resize', show);
  if (process.stdin.isTTY) process.stdin.setRawMode(true);
  process.stdin.on('data', (keys) => {
    for (const key of keys.toString()) {
      if (key === 'q' || key === '\x03') end();
      if (key === ' ') state.isPaused = !state.isPaused;
      if (key === 's') {
        const names = Object.keys(ORDERS);
        state.order = names[(names.indexOf(state.order) + 1) % names.length];
        state.calls.sort(ORDERS[state.order]);
      }
    }
    show();
  });
  while (!isOver) {
    if (!state.isPaused) await look();
    show();
    await Promise.race([wait(), new Promise((resolve) => { wake = resolve; })]);
  }
  watch.close();
  process.exit(0);
}

await (options.once || !process.stdout.isTTY ? once() : live());
