// Every screen of the web client, as a user meets them: what is on it, whether it can be used without sight, and how it looks.
// The pictures are in web-screens/ of the build directory.
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { preparePage, WebPhone } from '../../tools/lab/browser.mjs';
import { findBuild, Lab, USERS } from '../../tools/lab/lab.mjs';
import { openBrowser } from './call_lab.mjs';
import { FirefoxLab, whyNoFirefox } from './firefox_lab.mjs';

const { alice: ALICE, bob: BOB, dave: DAVE } = USERS;
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
// The smallest phone that is still sold, and what a page is that was enlarged to 400 % (WCAG 2.2, 1.4.10).
const SMALLEST = { width: 320, height: 640 };

for (const [size, viewport] of Object.entries(SIZES)) {
  describe(`the web client on a ${size}`, () => {
    let lab;
    let browser;
    let context;
    let page;
    let bob;
    let dave;
    const faults = [];
    const test_ = (id) => page.locator(`[data-testid="${id}"]:visible`);
    // By the caller alone: counters among a card's details may hold the same digits.
    const card = (number) => page.locator('[data-testid="call"]', { has: page.locator('.peer', { hasText: number }) });

    before(async () => {
      lab = await Lab.start();
      const folder = `${findBuild()}/web-screens`;
      await mkdir(folder, { recursive: true });
      browser = await openBrowser(lab);
      context = await browser.newContext({ viewport, deviceScaleFactor: 2, permissions: ['microphone'], colorScheme: 'light', reducedMotion: 'reduce', locale: 'en-GB' });
      page = await context.newPage();
      await page.addInitScript(preparePage);
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      page.on('pageerror', (error) => faults.push(error.message));
      page.shot = (name) => page.screenshot({ path: `${folder}/${size}-${name}.png` });
      bob = await lab.phone(BOB, { flags: ['--play', 'tones'] });
      dave = await lab.phone(DAVE, { flags: ['--play', 'tones'] });
      await page.goto(`${lab.url}/`);
    });
    after(async () => {
      await browser?.close();
      await lab?.stop();
    });
    afterEach(() => {
      // The security policy is in force here: whatever it stops is said on the console.
      const heard = faults.splice(0).filter((text) => !/status of (404|409)/.test(text));
      assert.deepEqual(heard, []);
    });

    const colour = (theme) => page.evaluate((value) => {
      document.documentElement.dataset.theme = value;
      document.dispatchEvent(new Event('themechange'));
    }, theme);
    /** Pictures in both colours, and no fault that axe knows of. */
    async function look(name) {
      await colour('light');
      await page.shot(`${name}-light`);
      await page.evaluate(AXE);
      for (const theme of ['light', 'dark']) {
        await colour(theme);
        const violations = await page.evaluate(async () => {
          const result = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] });
          return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 120)} ${any[0]?.message ?? ''}`).join(' | ')}`);
        });
        assert.deepEqual(violations, [], `${name}, ${theme}`);
      }
      await page.shot(`${name}-dark`);
      if (size === 'phone') await squeeze(name);
    }
    /** On the smallest screen nothing runs over, no label of a button breaks, and who wants to hang up sees where. */
    async function squeeze(name) {
      await page.setViewportSize(SMALLEST);
      const found = await page.evaluate(() => {
        const seen = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
        const { scrollWidth, clientWidth, clientHeight } = document.documentElement;
        return [
          ...(scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide`] : []),
          ...seen('.call-card:not([data-mode=line]) .actions span, .tabs button').filter((one) => one.getClientRects().length > 1 || one.scrollWidth > one.clientWidth + 1 ||
            (one.matches('.call-card[data-mode=main] span') && one.offsetHeight > 26)).map((one) => `${one.textContent} has no room`),
          ...seen('.call-card[data-mode=main] .hangup, .call-card[data-mode=sheet] .answer').filter((one) => one.getBoundingClientRect().bottom > clientHeight)
            .filter(() => !document.querySelector('.details[open]')).map((one) => `${one.textContent} is out of sight`),
        ];
      });
      await page.shot(`${name}-smallest`);
      await page.setViewportSize(viewport);
      assert.deepEqual(found, [], `${name} on the smallest screen`);
    }
    const tab = (name) => page.getByRole('tab', { name }).click();

    test('a stranger is asked to sign in', async () => {
      await page.getByRole('button', { name: /Sign in/ }).waitFor();
      await look('welcome');
    });

    test('who signed in finds a keypad', async () => {
      await test_('login').click();
      await page.locator('input[name=user]').fill('alice');
      await page.locator('input[name=password]').fill('alice');
      await page.locator('button').click();
      await page.locator('[data-state="registered"]').waitFor();
      assert.equal(await test_('reg-state').textContent(), '+34 600 000 001');
      for (const key of ['6', '0', '0']) await page.getByRole('group', { name: 'Keypad', exact: true }).getByRole('button', { name: key, exact: true }).click();
      assert.equal(await test_('dial-number').inputValue(), '600');
      await page.getByRole('button', { name: 'Delete last digit' }).click();
      assert.equal(await test_('dial-number').inputValue(), '60');
      await test_('dial-number').fill(BOB);
      assert.equal(await test_('dial-number').inputValue(), '+34 600 000 002');
      assert.ok(await test_('dial-number').evaluate((field) => field.scrollWidth <= field.clientWidth), 'the whole number is seen');
      await look('keypad');
    });

    test('the tabs have room for what is new', async () => {
      const show = (text) => page.evaluate((value) => {
        for (const badge of document.querySelectorAll('.tabs .badge')) {
          badge.hidden = value === '';
          badge.textContent = value;
        }
      }, text);
      await show('99+');
      const boxes = await page.locator('.tabs button:visible').evaluateAll((tabs) => tabs.map((one) => {
        const range = document.createRange();
        range.selectNodeContents(one);
        const [box, content] = [one.getBoundingClientRect(), range.getBoundingClientRect()];
        return { name: one.id, left: box.left, right: box.right, contentLeft: content.left, contentRight: content.right };
      }));
      assert.equal(boxes.length, 4);
      for (const { name, left, right, contentLeft, contentRight } of boxes) {
        assert.ok(contentLeft >= left - 1 && contentRight <= right + 1, `${name} has no room: ${JSON.stringify(boxes)}`);
      }
      const bar = await page.locator('.tabs').boundingBox();
      assert.ok(boxes.at(-1).right <= bar.x + bar.width + 1, `the bar is too small: ${JSON.stringify(boxes)}`);
      await look('badges');
      await show('');
    });

    test('an outgoing call rings, and is answered', async () => {
      await test_('dial').click();
      await bob.waitFor('incoming');
      await page.locator('[data-testid="call"][data-state="ringing"]').waitFor();
      await look('dialling');
      bob.send('answer');
      await page.locator('[data-testid="call"][data-state="connected"]').waitFor();
      // Some seconds of a graph.
      await page.locator('.bars[data-bars="4"]').waitFor({ timeout: 8000 });
      await delay(4000);
      const level = () => page.locator('.they').getAttribute('aria-valuenow').then(Number);
      assert.ok((await level()) > 40, `the meter shows ${await level()} of the other side`);
      assert.match(await test_('figures').textContent(), /^Excellent · \d+ ms · 0 % lost$/);
      await look('in-call');
    });

    test('details tell what browser, gateway and network measure', async () => {
      await page.getByText('Details').click();
      await page.locator('[data-testid="quality"] dd', { hasText: 'AMR-WB' }).waitFor();
      await test_('quality').scrollIntoViewIfNeeded();
      await look('details');
      await page.getByText('Details').click();
    });

    test('the keypad sends digits', async () => {
      await test_('keypad').click();
      for (const key of ['1', '2', '#']) await card('002').locator(`[data-testid="dtmf-${key}"]`).click();
      for (const digit of '12#') assert.equal((await bob.waitFor('dtmf')).digit, digit);
      await look('in-call-keypad');
      await test_('keypad').click();
    });

    test('microphone and speaker are changed within the call', async () => {
      await test_('sound').click();
      for (const [list, kind] of [['call-microphone', 'inputId'], ['call-speaker', 'outputId']]) {
        await test_(list).locator('option').nth(1).waitFor({ state: 'attached' });
        const id = await test_(list).locator('option').last().getAttribute('value');
        await test_(list).selectOption(id);
        await page.waitForFunction(([name, wanted]) => window.byonPhone.audio[name] === wanted, [kind, id]);
        assert.equal(await test_(list).inputValue(), id);
      }
      const used = await page.evaluate(async () => {
        const call = window.byonPhone.calls.at(-1);
        const [sender] = call.peerConnection.getSenders();
        return { input: sender.track.getSettings().deviceId, wanted: window.byonPhone.audio.inputId };
      });
      assert.equal(used.input, used.wanted);
      await look('in-call-sound');
      for (const list of ['call-microphone', 'call-speaker']) await test_(list).selectOption('');
      await page.waitForFunction(() => !window.byonPhone.audio.inputId && !window.byonPhone.audio.outputId);
      await test_('sound').click();
    });

    test('adding a call leads to the keypad, and back', async () => {
      await test_('add-call').click();
      await page.waitForFunction(() => document.activeElement?.id === 'number');
      await look('add-call');
      const back = page.getByRole('button', { name: 'Return to the call' });
      assert.equal(await back.isVisible(), size === 'phone');
      if (size === 'phone') await back.click();
      await test_('hangup').waitFor();
    });

    test('a second call comes in: a sheet, and after the answer the first is held', async () => {
      dave.call(ALICE);
      await test_('answer').waitFor();
      await look('incoming');
      await test_('answer').click();
      await dave.waitFor('answered');
      assert.equal((await bob.waitFor('remote_direction')).direction, 'sendonly');
      await page.locator('[data-testid="call"][data-mode="line"][data-state="held"]').waitFor();
      await page.locator('[data-testid="call"][data-mode="main"][data-state="connected"]').waitFor();
      await delay(2500);
      await look('two-lines');
    });

    test('resuming the first holds the second', async () => {
      await card('002').locator('[data-testid="hold"]').click();
      assert.equal((await dave.waitFor('remote_direction')).direction, 'sendonly');
      assert.equal((await bob.waitFor('remote_direction')).direction, 'sendrecv');
      await page.locator('[data-testid="call"][data-mode="main"][data-state="connected"]', { hasText: '002' }).waitFor();
      await card('004').locator('[data-testid="hangup"]').click();
      await dave.waitFor('bye');
    });

    test('mute and hold by keys, and hanging up', async () => {
      await page.locator('body').press('m');
      await page.locator('[data-testid="mute"][aria-pressed="true"]').waitFor();
      await page.locator('body').press('h');
      assert.equal((await bob.waitFor('remote_direction')).direction, 'sendonly');
      await page.locator('[data-testid="call"][data-state="held"]').waitFor();
      await look('held');
      await page.locator('body').press('e');
      await bob.waitFor('bye');
      await page.locator('[data-testid="call"][data-state="ended"]').first().waitFor();
      await look('ended');
      await page.locator('[data-testid="call"]').first().waitFor({ state: 'detached', timeout: 15_000 });
    });

    test('a call that is not answered is missed, and can be called back', async () => {
      bob.call(ALICE);
      await test_('answer').waitFor();
      bob.send('hangup');
      await page.locator('[data-testid="call"][data-end-status="SessionCancelled"]').waitFor({ state: 'attached' });
      // On a small screen the keypad hides calls that are over.
      if (await test_('dismiss').first().isVisible()) await test_('dismiss').first().click();
      assert.equal(await page.locator('#missed').textContent(), '1');
      await tab(/Recents/);
      await page.locator('#missed').waitFor({ state: 'hidden' });
      const entries = await page.locator('[data-testid="history"] .entry').allTextContents();
      assert.equal(entries.length, 3, entries.join(' | '));
      assert.match(entries[0], /002.*Missed/);
      await look('recents');
      await page.locator('[data-testid="history"] .entry').first().click();
      await bob.waitFor('incoming');
      await test_('hangup').first().click();
      await bob.waitFor('cancelled');
      await test_('dismiss').first().click();
    });

    test('messages: a list, and a conversation', async () => {
      bob.send('message', { to: ALICE, text: 'Are you coming? https://example.com/a-very-long-link-that-has-no-place-to-break' });
      await page.waitForFunction(() => !document.querySelector('#unread').hidden);
      await tab(/Messages/);
      await look('messages');
      await test_('conversations').getByRole('button').click();
      await page.waitForFunction(() => document.querySelector('#unread').hidden);
      await test_('message-text').fill('On my way\nsoon');
      await test_('message-send').click();
      await page.locator('.bubble.outgoing[data-state=delivered]').waitFor();
      await look('conversation');
      await page.getByRole('button', { name: 'Back to all messages' }).click();
      await test_('message-to').waitFor();
    });

    test('settings hold devices with their tests, and a check of the connection', async () => {
      await tab('Settings');
      await test_('test-microphone').click();
      await page.waitForFunction(() => Number(document.querySelector('#microphone-level').getAttribute('aria-valuenow')) > 40, null, { timeout: 5000 });
      assert.ok((await test_('microphone').locator('option').count()) > 1);
      await test_('preflight').click();
      await page.locator('[data-testid="preflight-steps"] li').nth(4).waitFor({ timeout: 10_000 });
      const outcomes = await page.locator('[data-testid="preflight-steps"] li').evaluateAll((rows) => rows.map((row) => row.dataset.outcome));
      assert.deepEqual(outcomes, ['passed', 'passed', 'passed', 'passed', 'passed']);
      await look('settings');
      await page.locator('#panel-settings').evaluate((panel) => panel.scrollTo(0, panel.scrollHeight));
      await look('settings-end');
      await test_('test-microphone').click();
      await test_('theme').selectOption('dark');
      assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
      await test_('theme').selectOption('system');
    });

    test('the number is taken off and put back by a switch', async () => {
      await test_('register').click();
      await page.locator('[data-state="unregistered"]').waitFor();
      await test_('register').click();
      await page.locator('[data-state="registered"]').waitFor();
    });

    test('a second tab asks before it takes the phone over', async () => {
      const other = await context.newPage();
      await other.addInitScript(preparePage);
      // Signed in as the same user: the session of the operator is still there.
      await other.goto(`${lab.url}/`);
      await other.locator('[data-testid="login"]').click();
      await other.locator('[data-testid="take-over"]').waitFor();
      await other.screenshot({ path: `${findBuild()}/web-screens/${size}-elsewhere-light.png` });
      await other.locator('[data-testid="take-over"]').click();
      await other.locator('[data-state="registered"]').waitFor();
      await page.locator('[data-state="elsewhere"]').waitFor();
      await test_('take-over').click();
      await page.locator('[data-state="registered"]').waitFor();
      await other.locator('[data-state="elsewhere"]').waitFor();
      await other.close();
    });

    test('after signing out nothing of the user is left on the screen', async () => {
      await test_('logout').click();
      await page.locator('[data-state="signed-out"]').waitFor();
      assert.doesNotMatch(await page.locator('main').innerText(), /600/);
      const refused = await page.evaluate(() => sessionStorage.length);
      assert.equal(refused, 0);
    });
  });
}

describe('pressing keys alone', () => {
  let lab;
  let browser;
  let web;
  let bob;
  before(async () => {
    lab = await Lab.start();
    browser = await openBrowser(lab);
    web = await WebPhone.open(browser, `${lab.url}/`);
    await web.signIn('alice');
    await web.registered();
    bob = await lab.phone(BOB, { flags: ['--play', 'tones'] });
  });
  after(async () => {
    await browser?.close();
    await lab?.stop();
  });

  test('a number is dialled, called and hung up', async () => {
    await web.page.locator('body').click({ position: { x: 2, y: 2 } });
    await web.page.keyboard.type(BOB);
    assert.equal((await web.test('dial-number').inputValue()).replaceAll(' ', ''), BOB);
    await web.page.keyboard.press('Enter');
    await bob.waitFor('incoming');
    bob.send('answer');
    await web.callState('connected');
    await web.page.evaluate(() => document.activeElement.blur());
    await web.page.keyboard.press('e');
    await bob.waitFor('bye');
    await web.callState('ended');
  });

  test('a call is answered by Enter, the next declined by Escape', async () => {
    bob.call(ALICE);
    await web.callState('ringing');
    assert.equal(await web.page.evaluate(() => document.activeElement.dataset.testid), 'answer');
    await web.page.keyboard.press('Enter');
    await bob.waitFor('answered');
    bob.send('hangup');
    await web.callState('ended');
    bob.call(ALICE);
    await web.callState('ringing');
    await web.page.keyboard.press('Escape');
    assert.equal((await bob.waitFor('failed')).code, 603);
  });

  test('the tabs are walked by arrows', async () => {
    await web.page.getByRole('tab', { name: 'Keypad' }).focus();
    await web.page.keyboard.press('ArrowRight');
    assert.equal(await web.page.locator('#panel-recents').isVisible(), true);
    await web.page.keyboard.press('ArrowLeft');
    assert.equal(await web.page.locator('#panel-keypad').isVisible(), true);
  });
});

describe('the web client in Firefox', { skip: whyNoFirefox() }, () => {
  let it;
  let page;
  let bob;
  before(async () => {
    it = await FirefoxLab.start();
    bob = await it.lab.phone(BOB);
    ({ page } = it.web);
    await page.setViewport({ width: 1280, height: 800 });
    await mkdir(`${findBuild()}/web-screens`, { recursive: true });
  });
  after(() => it?.stop());
  const shot = (name) => page.screenshot({ path: `${findBuild()}/web-screens/firefox-${name}.png` });

  // Media needs a network of its own in Firefox: namespaces_test.mjs talks there.
  test('keypad, an incoming call and history', async () => {
    await shot('keypad');
    bob.call(ALICE);
    await it.web.callState('ringing');
    await page.waitForSelector('[data-mode="sheet"] [data-testid="answer"]', { visible: true });
    await shot('incoming');
    await page.keyboard.press('Escape');
    assert.equal((await bob.waitFor('failed')).code, 603);
    await page.click('#tab-recents');
    await page.waitForSelector('.entry', { visible: true });
    await shot('recents');
  });

  test('settings: the microphone is heard, the check passes', async () => {
    await page.click('#tab-settings');
    await page.click('[data-testid="test-microphone"]');
    await page.waitForFunction(() => Number(document.querySelector('#microphone-level').getAttribute('aria-valuenow')) > 20, { timeout: 8000 });
    await page.click('[data-testid="preflight"]');
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="preflight-steps"] li').length >= 5, { timeout: 15_000 });
    const outcomes = await page.$$eval('[data-testid="preflight-steps"] li', (rows) => rows.map((row) => `${row.firstElementChild.textContent} ${row.dataset.outcome}`));
    // The network step depends on what this machine has: Firefox gathers nothing without a default route.
    assert.deepEqual(outcomes.slice(0, 4), ['Browser passed', 'Gateway passed', 'Event channel passed', 'Microphone passed'], outcomes.join());
    await page.click('[data-testid="test-microphone"]');
    await page.select('[data-testid="theme"]', 'dark');
    // Colours fade for a moment.
    await delay(500);
    await shot('settings-dark');
  });

  test('nothing was stopped by the security policy', async () => {
    assert.deepEqual(await page.evaluate(() => window.labViolations), []);
  });
});
