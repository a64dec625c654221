import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Device } from '../../../controlplane/web/sdk/src/byon.js';
import { ByonError } from '../../../controlplane/web/sdk/src/error.js';
import { FakeGateway, fakePlatform, registration, session, settle } from './fakes.js';

describe('a device', () => {
  let gateway: FakeGateway;
  let browser: ReturnType<typeof fakePlatform>;
  let device: Device;
  const told: string[] = [];

  beforeEach(() => {
    vi.useFakeTimers();
    gateway = new FakeGateway();
    browser = fakePlatform();
    told.length = 0;
    device = new Device({ token: 'T', deviceId: 'device-1', transport: gateway, platform: browser.platform });
    for (const name of ['reconnecting', 'reconnected', 'tokenWillExpire'] as const) device.on(name, () => told.push(name));
    device.on('registered', ({ phoneNumber }) => told.push(`registered ${phoneNumber}`));
    device.on('unregistered', ({ cause }) => told.push(`unregistered ${cause}`));
    device.on('error', ({ message }) => told.push(`error ${message}`));
  });
  afterEach(() => {
    device.destroy();
    vi.useRealTimers();
  });

  test('needs a token', () => {
    expect(() => new Device({})).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
  });

  test('registers once, however often it is asked', async () => {
    await Promise.all([device.register(), device.register()]);
    await device.register();
    expect(gateway.asked('registration.create')).toHaveLength(1);
    expect(device).toMatchObject({ phoneNumber: '+34600000001', isRegistered: true, isConnected: true });
    expect(told).toEqual(['registered +34600000001']);
  });

  test('takes up its registration that is still alive', async () => {
    gateway.handlers['registration.create'] = () => {
      throw new ByonError('ALREADY_EXISTS', 'There is one.', { status: 409 });
    };
    gateway.handlers['registration.list'] = () => [registration({ registrationId: 'reg-old' })];
    gateway.handlers['registration.update'] = ({ registrationId }) => registration({ registrationId });
    await device.register();
    expect(gateway.asked('registration.update')[0]?.params).toEqual({ registrationId: 'reg-old' });
    expect(device.isRegistered).toBe(true);
  });

  test.each(['is listed no more', 'cannot be taken up'])('waits for a registration that is ending: it %s', async (how) => {
    let asked = 0;
    gateway.handlers['registration.create'] = () => {
      if (++asked < 3) throw new ByonError('ALREADY_EXISTS', 'There is one.', { status: 409 });
      return registration();
    };
    gateway.handlers['registration.list'] = () => (how === 'is listed no more' ? [] : [registration({ registrationId: 'reg-old' })]);
    gateway.handlers['registration.update'] = () => {
      throw new ByonError('NOT_FOUND', 'No such registration.', { status: 404 });
    };
    const registering = device.register();
    await vi.advanceTimersByTimeAsync(1_000);
    await registering;
    expect(asked).toBe(3);
    expect(device.isRegistered).toBe(true);
  });

  test('a registration that never ends is an error in the end', async () => {
    gateway.handlers['registration.create'] = () => {
      throw new ByonError('ALREADY_EXISTS', 'There is one.', { status: 409 });
    };
    gateway.handlers['registration.list'] = () => [];
    const registering = expect(device.register()).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    await vi.advanceTimersByTimeAsync(10_000);
    await registering;
    expect(device.isRegistered).toBe(false);
  });

  test('unregisters also what is just being registered', async () => {
    const registering = device.register();
    await device.unregister();
    await registering;
    expect(device.isRegistered).toBe(false);
    expect(gateway.asked('registration.delete')).toHaveLength(1);
  });

  test('is not registered when the channel does not open', async () => {
    gateway.listen = () => Promise.reject(new ByonError('NETWORK', 'no way'));
    await expect(device.register()).rejects.toMatchObject({ code: 'NETWORK' });
    expect(device.isRegistered).toBe(false);
    await expect(device.call('+34600000002')).rejects.toMatchObject({ code: 'NOT_REGISTERED' });
  });

  test('keeps its registration alive: two minutes before the end, and again after a failure', async () => {
    await device.register();
    await vi.advanceTimersByTimeAsync(3_600_000 - 121_000);
    expect(gateway.asked('registration.update')).toHaveLength(0);
    gateway.handlers['registration.update'] = () => {
      throw new ByonError('NETWORK', 'away');
    };
    await vi.advanceTimersByTimeAsync(2_000);
    expect(gateway.asked('registration.update')).toHaveLength(1);
    gateway.handlers['registration.update'] = () => registration();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(gateway.asked('registration.update')).toHaveLength(2);
    expect(device.isRegistered).toBe(true);
  });

  test('leaves when the registration is no more', async () => {
    await device.register();
    gateway.event('registration-ends', { registrationId: 'another', terminationReason: 'NETWORK_TERMINATED' });
    expect(device.isRegistered).toBe(true);
    gateway.event('registration-ends', { registrationId: 'reg-1', terminationReason: 'NETWORK_TERMINATED' });
    expect(device.isRegistered).toBe(false);
    expect(told.at(-1)).toBe('unregistered ended');
  });

  test('unregister() ends calls, then the registration, then the channel', async () => {
    await device.register();
    await device.call('+34600000002');
    await device.unregister();
    const names = gateway.requests.map(({ name }) => name);
    expect(names.slice(-2)).toEqual(['call.delete', 'registration.delete']);
    expect(gateway.isListening).toBe(false);
    expect(told.at(-1)).toBe('unregistered here');
  });

  test('tells of the end of its token, and presents the new one', async () => {
    await device.register();
    gateway.tell('tokenExpiring');
    expect(told.at(-1)).toBe('tokenWillExpire');
    await device.updateToken('T2');
    expect(gateway.renewals).toBe(1);
    expect(gateway.asked('registration.update')).toHaveLength(1);
  });

  test('another page that takes over ends the calls here, at the gateway too', async () => {
    await device.register();
    const call = await device.call('+34600000002');
    gateway.tell('gone', { reason: 'replaced' });
    await settle();
    expect(call.hasEnded).toBe(true);
    expect(gateway.asked('call.delete')).toHaveLength(1);
    expect(told.at(-1)).toBe('unregistered replaced');
  });

  describe('after a break', () => {
    beforeEach(() => device.register());

    async function breakAndReturn(sessions: object[]) {
      gateway.tell('down', { code: 1006 });
      gateway.tell('down', { code: 1006 });
      gateway.handlers['call.list'] = () => sessions;
      gateway.tell('up');
      await settle();
    }

    test('says so once, and when it is over', async () => {
      await breakAndReturn([]);
      expect(told.slice(1)).toEqual(['reconnecting', 'reconnected']);
    });

    test('calls that ended meanwhile end, those that live go on', async () => {
      const ended = await device.call('+34600000002');
      gateway.handlers['call.create'] = () => session({ mediaSessionId: 'call-2' });
      const lives = await device.call('+34600000003');
      await breakAndReturn([{ ...session({ mediaSessionId: 'call-2', status: 'Connected', answer: { sdp: 'answer' } }), direction: 'originating' }]);
      expect(ended.state).toBe('ended');
      expect(lives.state).toBe('connected');
    });

    test('a gateway that was started anew is asked again until it knows its calls', async () => {
      vi.useFakeTimers();
      const call = await device.call('+34600000002');
      let busy = 2;
      gateway.tell('down', { code: 1006 });
      gateway.handlers['call.list'] = () => {
        if (busy-- > 0) throw new ByonError('UNAVAILABLE', 'Not yet.', { status: 503, retryAfterSeconds: 2 });
        return [];
      };
      gateway.tell('up');
      await settle();
      expect(call.hasEnded).toBe(false);
      await vi.advanceTimersByTimeAsync(4000);
      expect(gateway.asked('call.list')).toHaveLength(4);
      expect(call.hasEnded).toBe(true);
      expect(told.filter((line) => line.startsWith('error'))).toEqual([]);
      vi.useRealTimers();
    });

    test('an invitation that came meanwhile rings', async () => {
      await breakAndReturn([{ ...session({ mediaSessionId: 'call-7', status: 'Initial', offer: { sdp: 'offer' } }), direction: 'terminating' }]);
      expect(device.calls.map(({ id, state }) => [id, state])).toEqual([['call-7', 'ringing']]);
    });
  });

  test('a call for help says where it comes from, and what the network says of emergencies is told', async () => {
    gateway.handlers['call.create'] = (_, body) => session({ ...(body as object), callType: 'EMERGENCY' });
    await device.register();
    const location = { civicAddress: { country: 'ES', A3: 'Madrid' } };
    const call = await device.call('112', { location });
    expect(gateway.asked('call.create')[0]?.body).toMatchObject({ receiverAddress: 'urn:service:sos', locationDetails: location });
    expect(call.emergency).toBe('call');
    const kinds: string[] = [];
    call.on('emergency', (kind) => kinds.push(kind));
    for (const what of ['routed', 'answered', 'answered']) {
      gateway.event('org.byon-gateway.events.v1.emergency', { mediaSessionId: 'call-1', what });
    }
    expect(kinds).toEqual(['answered']);
    gateway.status({ mediaSessionId: 'call-1', status: 'Failed', reason: 'Emergency calls are not possible here, use your phone' });
    await settle();
    expect(call.needsPhone).toBe(true);
  });

  test('a page that was reloaded ends what it cannot carry on', async () => {
    gateway.handlers['call.list'] = () => [
      { ...session({ mediaSessionId: 'old-talk', status: 'Connected', answer: { sdp: 'a' } }), direction: 'originating' },
      { ...session({ mediaSessionId: 'old-ring', status: 'Ringing', offer: { sdp: 'o' }, answer: { sdp: 'a' } }), direction: 'terminating' },
      { ...session({ mediaSessionId: 'new-ring', status: 'Initial', offer: { sdp: 'o' } }), direction: 'terminating' },
    ];
    await device.register();
    expect(gateway.asked('call.delete').map(({ params }) => params['mediaSessionId'])).toEqual(['old-talk']);
    expect(gateway.asked('call.status').find(({ params }) => params['mediaSessionId'] === 'old-ring')?.body).toEqual({ status: 'Busy' });
    expect(device.calls.map(({ id }) => id)).toEqual(['new-ring']);
  });

  test('a pre-flight test tries everything and says what failed', async () => {
    await device.register();
    browser.mediaDevices.refusal = 'NotAllowedError';
    const seen: string[] = [];
    const { isGood, steps } = await device.runPreflight({ onStep: ({ name }) => seen.push(name) });
    expect(seen).toEqual(['browser', 'gateway', 'events', 'microphone', 'network', 'call']);
    expect(steps.map(({ outcome }) => outcome)).toEqual(['passed', 'passed', 'passed', 'failed', 'passed', 'skipped']);
    expect(steps[2]?.figures).toEqual({ roundTripMs: 7 });
    expect(steps[3]?.detail).toMatch(/not permitted/);
    expect(isGood).toBe(false);
  });

  test('a pre-flight test with a call hears whether media arrives', async () => {
    await device.register();
    const report = device.runPreflight({ testCallTo: '+34600000009' });
    await vi.advanceTimersByTimeAsync(100);
    gateway.status({ status: 'Connected', answer: { sdp: 'answer' }, sequenceNumber: 1 });
    await vi.advanceTimersByTimeAsync(6_000);
    const { steps } = await report;
    expect(steps.at(-1)).toMatchObject({ name: 'call', outcome: 'failed', detail: expect.stringMatching(/media does not arrive/) as string });
    expect(gateway.asked('call.delete')).toHaveLength(1);
  });

  test('devices are listed, chosen, and used by the next call', async () => {
    browser.mediaDevices.devices = [
      { kind: 'audioinput', deviceId: 'usb', label: 'Headset' }, { kind: 'audiooutput', deviceId: 'hdmi', label: 'Screen' }, { kind: 'videoinput', deviceId: 'cam', label: 'Camera' },
    ];
    await device.audio.refresh();
    expect(device.audio.inputs).toEqual([{ id: 'usb', label: 'Headset' }]);
    expect(device.audio.outputs).toEqual([{ id: 'hdmi', label: 'Screen' }]);
    await device.audio.setInput('usb');
    await device.register();
    await device.call('+34600000002');
    expect(browser.mediaDevices.constraints.at(-1)).toMatchObject({ audio: { deviceId: { exact: 'usb' }, echoCancellation: true } });
    await expect(device.audio.setOutput('hdmi')).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });

  test('a microphone that cannot be opened in a call is not the chosen one', async () => {
    await device.register();
    await device.call('+34600000002');
    await device.audio.setInput('usb');
    browser.mediaDevices.refusal = 'NotReadableError';
    await expect(device.audio.setInput('broken')).rejects.toThrow();
    expect(device.audio.inputId).toBe('usb');
    expect(device.audio.outputId).toBeUndefined();
  });
});
