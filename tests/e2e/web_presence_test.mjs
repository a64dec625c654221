// Who is on the phone, as the page shows it: the user's own calls elsewhere, and those he called or wrote to.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { findBuild, USERS } from '../../tools/lab/lab.mjs';
import { CallLab } from './call_lab.mjs';

const { alice: ALICE, bob: BOB, carol: CAROL } = USERS;

describe('presence on the page', () => {
  let it;
  let page;
  let bob;
  let carol;
  before(async () => {
    it = await CallLab.start({ controlPlane: (config) => Object.assign(config.ims, { watch: ['dialog', 'presence'], publish: ['presence', 'dialog'] }) });
    page = it.web.page;
    [bob, carol] = await Promise.all([it.lab.phone(BOB), it.lab.phone(CAROL)]);
    await mkdir(`${findBuild()}/web-screens`, { recursive: true });
  });
  after(() => it?.stop());

  const shot = (name) => page.screenshot({ path: `${findBuild()}/web-screens/presence-${name}.png` });
  const shows = (selector, text) => page.waitForFunction(([query, wanted]) => {
    const mark = document.querySelector(query);
    return wanted === '' ? mark.hidden : !mark.hidden && mark.textContent === wanted;
  }, [selector, text], { timeout: 15_000 });

  test("the user's own state stands beside the number", () => shows('#own-state', 'Available'));

  test('whom one called is watched from then on', async () => {
    await it.connectTo(bob);
    await shows('#own-state', 'On the phone');
    assert.equal(await page.locator('#own-calls').isVisible(), false, 'the call is here');
    await it.web.hangUp();
    await bob.waitFor('bye');
    await shows('#own-state', 'Available');
    await page.click('#tab-recents');
    carol.call(BOB);
    await bob.waitFor('incoming');
    bob.send('answer');
    await shows('[data-testid=history] .presence', 'On the phone');
    await shot('recents');
    carol.send('hangup');
    await shows('[data-testid=history] .presence', '');
  });

  test('so is whom one wrote to', async () => {
    bob.send('message', { to: ALICE, text: 'Call me' });
    carol.send('message', { to: ALICE, text: 'Me too' });
    await page.click('#tab-messages');
    await page.locator('[data-testid=conversations] button').nth(1).waitFor();
    await page.locator('[data-testid=conversations] button', { hasText: '002' }).click();
    carol.call(BOB);
    await bob.waitFor('incoming');
    bob.send('answer');
    await shows('#conversation-presence .presence', 'On the phone');
    await shot('conversation');
    await page.click('#message-back');
    await page.waitForFunction(() => [...document.querySelectorAll('[data-testid=conversations] .presence')].filter(({ textContent }) => textContent === 'On the phone').length === 2);
    await shot('conversations');
    carol.send('hangup');
    // Kept: the next visit begins with the list.
    await page.reload();
    await it.web.registered();
    await page.waitForFunction(async () => (await window.byonPhone.presence()).watched.length === 2);
  });

  test("a call on the user's phone is told of", async () => {
    const own = await it.lab.phone(ALICE);
    own.call(BOB);
    await bob.waitFor('incoming');
    bob.send('answer');
    await own.waitFor('answered');
    await shows('#own-calls', 'You are on the phone with +34\u00a0600\u00a0000\u00a0002 on another device');
    await shows('#own-state', 'On the phone');
    await shot('own-call');
    own.send('hangup');
    await shows('#own-calls', '');
  });
});
