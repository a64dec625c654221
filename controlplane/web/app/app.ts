import { browserLocation, ByonError, Device, SignIn } from '@byon/sdk';
import { CallsView } from './calls_view.js';
import { Elsewhere } from './elsewhere.js';
import { Dialer } from './dialer.js';
import { byId } from './dom.js';
import { emergencyOf, sayUseYourPhone, watchForEmergency } from './emergency.js';
import { prettyNumber } from './format.js';
import { History } from './history.js';
import { MessagesView } from './messages.js';
import { OneTab } from './one_tab.js';
import { PresenceView } from './presence.js';
import { applyTheme, preferences, save } from './preferences.js';
import { Settings } from './settings.js';
import { Waking } from './waking.js';
import { listenToKeys } from './shortcuts.js';
import { wireTabs } from './tabs.js';
import { Tones } from './tones.js';

type State = 'signed-out' | 'registering' | 'registered' | 'reconnecting' | 'unregistered' | 'elsewhere';

const NOTICE_MS = 8000;
const main = byId('main');
const tones = new Tones();
const oneTab = new OneTab();
let signIn: SignIn;
let device: Device;
let calls: CallsView;
let noticeTimer: ReturnType<typeof setTimeout>;

function showError(error: Error): void {
  if (error instanceof ByonError && error.code === 'SIGNED_OUT' && !signIn?.isSignedIn) show('signed-out', 'Signed out');
  byId('notice').textContent = error.message;
  byId('notice').hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (byId('notice').hidden = true), NOTICE_MS);
}

/** What the page shows: who is asked to sign in, the phone, or that it is elsewhere. */
function show(state: State, text: string): void {
  const pill = byId('registration');
  pill.dataset['state'] = state;
  pill.textContent = text;
  const isIn = state !== 'signed-out' && state !== 'elsewhere';
  byId('welcome').hidden = state !== 'signed-out';
  byId('elsewhere').hidden = state !== 'elsewhere';
  byId('phone').hidden = byId('stage').hidden = !isIn;
  byId('logout').hidden = state === 'signed-out';
  byId<HTMLButtonElement>('dial').disabled = state !== 'registered' && state !== 'reconnecting';
  const register = byId<HTMLInputElement>('register');
  register.checked = state === 'registered' || state === 'reconnecting' || state === 'registering';
  byId('own-number').textContent = device?.phoneNumber ? prettyNumber(device.phoneNumber) : 'your number';
  if (!isIn) main.dataset['view'] = 'welcome';
  else if (main.dataset['view'] === 'welcome') main.dataset['view'] = 'phone';
}

async function register({ takesOver = false } = {}): Promise<void> {
  if (!(await oneTab.take({ takesOver }))) return show('elsewhere', 'In another tab');
  show('registering', 'Registering…');
  try {
    await device.register();
  } catch (error) {
    oneTab.leave();
    show('unregistered', 'Not registered');
    throw error;
  }
}

async function unregister(): Promise<void> {
  await device.unregister();
  oneTab.leave();
}

async function call(number: string, isAnonymous = false): Promise<void> {
  const emergency = emergencyOf(number, signIn.config);
  if (emergency === 'refuse') return sayUseYourPhone(number);
  main.dataset['view'] = 'stage';
  try {
    // Help is called all the same where nobody knows where it is.
    const location = emergency === 'route' ? await browserLocation().catch(() => undefined) : undefined;
    await device.call(number, { anonymous: isAnonymous, ...(location ? { location } : {}) });
  } catch (error) {
    if (!calls.hasCalls) main.dataset['view'] = 'phone';
    if (error instanceof ByonError && error.code === 'CALLTYPE_EMERGENCY_NOT_SUPPORTED') return sayUseYourPhone(number);
    throw error;
  }
}

function makeDevice(): void {
  device = new Device({
    gateway: signIn.config.apiRoot, getToken: () => signIn.getToken(), emergencyNumbers: signIn.config.emergency?.numbers ?? [],
  });
  window.byonPhone = device;
  const presence = new PresenceView(device, showError);
  const mark = (peer: string) => presence.mark(peer);
  const history = new History((number) => void call(number).catch(showError), mark);
  const messages = new MessagesView(device, showError, mark);
  history.onChange = messages.onChange = () => presence.follow([...history.recent, ...messages.recent].sort((a, b) => b.at - a.at).map(({ peer }) => peer));
  device.on('registered', ({ phoneNumber }) => {
    history.open(phoneNumber);
    show('registered', prettyNumber(phoneNumber));
    const isPresenceAsked = signIn.config.scopes.includes('byon:presence:read');
    // Those who wrote are watched as well as those who called.
    void messages.load().catch(showError).then(() => (isPresenceAsked ? presence.load() : undefined)).catch(showError);
  });
  device.on('unregistered', ({ cause, reason }) => {
    presence.clear();
    history.close();
    messages.clear();
    if (cause === 'replaced') {
      oneTab.leave();
      show('elsewhere', 'In another tab');
    } else {
      show('unregistered', cause === 'here' ? 'Not registered' : reason);
    }
  });
  device.on('call', watchForEmergency);
  device.on('reconnecting', () => show('reconnecting', 'Reconnecting…'));
  device.on('reconnected', () => show('registered', prettyNumber(device.phoneNumber ?? '')));
  device.on('tokenWillExpire', () => void signIn.renew().then(() => device.updateToken()).catch(showError));
  device.on('error', showError);
  oneTab.onLost = () => device.unregister().catch(() => {}).finally(() => show('elsewhere', 'In another tab'));

  const settings = new Settings(device, showError);
  new Waking(device, signIn.config, showError);
  const showPanel = wireTabs((panel) => {
    if (panel === 'panel-recents') history.seen();
    messages.shown(panel === 'panel-messages');
    if (panel !== 'panel-settings') settings.stopTest();
  });
  const dialer = new Dialer({
    call: (number, isAnonymous) => void call(number, isAnonymous).then(() => (dialer.number = '')).catch(showError),
    keyTone: (key) => tones.key(key),
  });
  new Elsewhere(device, showError);
  calls = new CallsView(device, {
    history, tones,
    owner: {
      showError,
      addCall: () => {
        showPanel('panel-keypad');
        main.dataset['view'] = 'phone';
        byId('number').focus();
        placeReturn();
      },
      call: (address) => void call(address).catch(showError),
      stageChanged: () => {
        if (main.dataset['view'] !== 'welcome') main.dataset['view'] = calls.hasCalls ? 'stage' : 'phone';
        placeReturn();
      },
    },
  });
  listenToKeys(calls, (key) => {
    showPanel('panel-keypad');
    dialer.press(key);
    byId('number').focus();
  });
  const start = () => settings.open().catch(showError);
  void start();
}

/** On a small screen the keypad hides the calls: a bar leads back to them. */
function placeReturn(): void {
  byId('return').hidden = !calls.hasLiveCalls || main.dataset['view'] !== 'phone';
}

function wirePage(): void {
  byId('login').onclick = () => void signIn.start().catch(showError);
  byId('logout').onclick = () => void (async () => {
    await unregister().catch(showError);
    await signIn.signOut();
    show('signed-out', 'Signed out');
  })();
  byId('take-over').onclick = () => void register({ takesOver: true }).catch(showError);
  byId('return').onclick = () => {
    main.dataset['view'] = 'stage';
    placeReturn();
  };
  const toggle = byId<HTMLInputElement>('register');
  toggle.onchange = () => {
    save({ takesCalls: toggle.checked });
    void (toggle.checked ? register() : unregister()).catch(showError);
  };
  window.addEventListener('beforeunload', (event) => {
    if (calls.hasLiveCalls) event.preventDefault();
  });
  // The page goes, and the sound with it: the other side must not wait for silence to be noticed.
  window.addEventListener('pagehide', ({ persisted }) => {
    if (!persisted) for (const live of device.calls) void live.hangup().catch(() => {});
  });
}

async function start(): Promise<void> {
  applyTheme();
  try {
    signIn = await SignIn.open();
  } catch (error) {
    // The operator refused, or the way back was broken: the user may try again.
    if (!(error instanceof ByonError) || error.code !== 'SIGNED_OUT') throw error;
    showError(error);
    signIn = await SignIn.open();
  }
  makeDevice();
  wirePage();
  // Opened for a call that rings: whoever is still signed in with the operator comes back without being asked.
  if (!signIn.isSignedIn && location.hash === '#wake') return void (await signIn.start());
  if (!signIn.isSignedIn) return show('signed-out', 'Signed out');
  show('unregistered', 'Not registered');
  if (preferences.takesCalls) await register();
}

start().catch(showError);

declare global {
  interface Window {
    /** The page's telephone, for those who look into it. */
    byonPhone: Device;
  }
}
