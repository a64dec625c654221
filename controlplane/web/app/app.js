import { GatewayPhone } from '../sdk/byon.js';
import { CallCard, microphoneChoice } from './call_card.js';
import { Login } from './login.js';

const $ = (id) => document.getElementById(id);
let login;
let phone;

function showError(error) {
  $('notice').textContent = error.message;
  $('notice').hidden = false;
  clearTimeout(showError.timer);
  showError.timer = setTimeout(() => ($('notice').hidden = true), 8000);
}

function showRegistration(state, text) {
  $('registration').dataset.state = state;
  $('registration').textContent = text;
  $('welcome').hidden = login?.isSignedIn ?? false;
  $('settings').hidden = !(login?.isSignedIn ?? false);
  $('phone').hidden = state !== 'registered' && state !== 'reconnecting';
  $('register').textContent = phone?.isRegistered ? 'Unregister' : 'Register';
}

function makePhone(apiRoot) {
  phone = new GatewayPhone({ baseUrl: apiRoot, getToken: () => login.getToken() });
  window.byonPhone = phone;
  phone.on('registered', ({ phoneNumber }) => showRegistration('registered', phoneNumber));
  phone.on('unregistered', ({ reason }) => showRegistration('unregistered', reason));
  phone.on('reconnecting', () => showRegistration('reconnecting', 'Reconnecting'));
  phone.on('reconnected', () => showRegistration('registered', phone.phoneNumber));
  phone.on('tokenWillExpire', () => login.renew().then(() => phone.tokenRenewed()).catch(showError));
  phone.on('error', showError);
  phone.on('call', (call) => $('calls').prepend(new CallCard(call, showError).element));
  phone.on('incoming', (call) => {
    document.title = 'Incoming call';
    call.on('state', (state) => state !== 'ringing' && (document.title = 'BYON phone'));
  });
}

async function register() {
  showRegistration('registering', 'Registering');
  try {
    await phone.register();
  } catch (error) {
    showRegistration('unregistered', 'Not registered');
    throw error;
  }
}

async function listMicrophones() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const options = devices
    .filter(({ kind, deviceId }) => kind === 'audioinput' && deviceId)
    .map(({ deviceId, label }) => new Option(label || 'Microphone', deviceId));
  $('microphone').replaceChildren(new Option('Default', ''), ...options);
}

async function start() {
  const config = await (await fetch('/byon/v1/config')).json();
  login = new Login(config);
  makePhone(config.apiRoot);
  $('login').onclick = () => login.start().catch(showError);
  $('logout').onclick = async () => {
    await phone.unregister().catch(showError);
    login.signOut();
    showRegistration('signed-out', 'Signed out');
  };
  $('register').onclick = () =>
    (phone.isRegistered ? phone.unregister() : register()).catch(showError);
  $('dialer').onsubmit = (event) => {
    event.preventDefault();
    phone
      .call($('number').value, { audio: microphoneChoice(), anonymous: $('anonymous').checked })
      .catch(showError);
  };
  $('microphone').onchange = ({ target }) => {
    for (const call of phone.calls) if (target.value) call.setInput(target.value).catch(showError);
  };
  navigator.mediaDevices.addEventListener('devicechange', () => listMicrophones().catch(showError));
  await login.finish();
  showRegistration(login.isSignedIn ? 'unregistered' : 'signed-out', login.isSignedIn ? 'Not registered' : 'Signed out');
  await listMicrophones();
  if (login.isSignedIn) await register();
}

start().catch(showError);
