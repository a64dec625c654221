// The page's messages: a conversation with the SIM phone, and what of it is shown where.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { USERS } from '../../tools/lab/lab.mjs';
import { CallLab } from './call_lab.mjs';

const { alice: ALICE, bob: BOB } = USERS;

describe('messages on the page', () => {
  let it;
  let bob;
  before(async () => {
    it = await CallLab.start();
    bob = await it.lab.phone(BOB);
  });
  after(() => it?.stop());

  test('a conversation, with what became of each message', async () => {
    const { page } = it.web;
    bob.send('message', { to: ALICE, text: '<img src=x onerror=alert(1)> 😀' });
    await page.waitForFunction(() => document.querySelector('#unread').textContent === '1' && !document.querySelector('#unread').hidden);
    await page.click('#tab-messages');
    await page.click('[data-testid=conversations] button');
    // Text is text.
    assert.equal(await page.textContent('[data-testid=thread] .bubble.incoming p'), '<img src=x onerror=alert(1)> 😀');
    assert.equal(await page.locator('[data-testid=thread] img').count(), 0);
    await page.waitForFunction(() => document.querySelector('#unread').hidden);
    await page.fill('[data-testid=message-text]', 'On my way\nsoon');
    await page.click('[data-testid=message-send]');
    assert.equal((await bob.waitFor('message')).text, 'On my way\nsoon');
    await page.waitForFunction(() => document.querySelector('.bubble.outgoing')?.dataset.state === 'delivered');
    await page.click('#message-back');
    assert.match(await page.textContent('[data-testid=conversations]'), /On my way/);
  });
});
