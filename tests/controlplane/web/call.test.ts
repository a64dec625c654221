import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Call, Device } from '../../../controlplane/web/sdk/src/byon.js';
import { ByonError } from '../../../controlplane/web/sdk/src/error.js';
import { FakeGateway, fakePlatform, session, settle } from './fakes.js';

describe('a call', () => {
  let gateway: FakeGateway;
  let browser: ReturnType<typeof fakePlatform>;
  let device: Device;
  const errors: Error[] = [];

  beforeEach(async () => {
    vi.useFakeTimers();
    gateway = new FakeGateway();
    browser = fakePlatform();
    errors.length = 0;
    device = new Device({ token: 'T', deviceId: 'device-1', transport: gateway, platform: browser.platform });
    device.on('error', (error) => errors.push(error));
    await device.register();
  });
  afterEach(() => {
    device.destroy();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  async function callOut(): Promise<Call> {
    const call = await device.call('+34 600 000 002');
    await settle();
    return call;
  }
  async function connected(): Promise<Call> {
    const call = await callOut();
    gateway.status({ status: 'Ringing', answer: { sdp: 'answer' }, sequenceNumber: 1 });
    gateway.status({ status: 'Connected', answer: { sdp: 'answer' }, sequenceNumber: 2 });
    await settle();
    return call;
  }
  async function invited(id = 'call-9'): Promise<Call> {
    gateway.event('session-invitation', session({ mediaSessionId: id, originatorAddress: 'tel:+34600000003', offer: { sdp: 'offer of the gateway' } }));
    await settle();
    return device.calls.at(-1) as Call;
  }

  test('outgoing: the offer goes out, the answer is applied once, states follow', async () => {
    const states: string[] = [];
    device.on('call', (call) => call.on('state', (state) => states.push(state)));
    const call = await connected();
    expect(gateway.asked('call.create')[0]).toMatchObject({
      params: { registrationId: 'reg-1' },
      body: { originatorAddress: 'tel:+34600000001', receiverAddress: 'tel:+34600000002', offer: { sdp: 'offer 1' } },
    });
    expect(states).toEqual(['dialing', 'ringing', 'connected']);
    expect(browser.pc.done.filter((what) => what === 'remote answer answer')).toHaveLength(1);
    expect(call.connectedAt).toBe(Date.now());
    expect(errors).toEqual([]);
  });

  test('outgoing: early media before ringing', async () => {
    const call = await callOut();
    gateway.status({ status: 'InProgress', answer: { sdp: 'answer' }, sequenceNumber: 1 });
    await settle();
    expect(call.state).toBe('earlyMedia');
    gateway.status({ status: 'Ringing', sequenceNumber: 2 });
    await settle();
    expect(call.state).toBe('ringing');
  });

  test('events that overtake the answer to the request are not lost, old ones change nothing', async () => {
    gateway.handlers['call.create'] = () => {
      gateway.status({ status: 'Ringing', answer: { sdp: 'answer' }, sequenceNumber: 3 });
      return session();
    };
    const call = await callOut();
    expect(call.state).toBe('ringing');
    gateway.status({ status: 'Connected', sequenceNumber: 2 });
    await settle();
    expect(call.state).toBe('ringing');
  });

  test.each(['Busy', 'NoAnswer', 'NotReachable', 'Declined', 'Failed', 'Terminated', 'SessionCancelled'] as const)('ends as %s', async (status) => {
    const call = await callOut();
    gateway.status({ status, reason: 'SIP 486 Busy Here', sequenceNumber: 1 });
    await settle();
    expect(call).toMatchObject({ state: 'ended', endStatus: status, endReason: 'SIP 486 Busy Here' });
    expect(device.calls).toEqual([]);
    expect(browser.streams.every(({ track }) => track.isStopped)).toBe(true);
    expect(browser.pc.connectionState).toBe('closed');
  });

  test('an answer lost on the way makes no second call: it is asked again with the same key', async () => {
    let tries = 0;
    gateway.handlers['call.create'] = () => {
      if (++tries < 3) throw new ByonError('NETWORK', 'away');
      return session();
    };
    const calling = device.call('+34600000002');
    await vi.advanceTimersByTimeAsync(2_500);
    expect((await calling).id).toBe('call-1');
    const keys = gateway.asked('call.create').map(({ params }) => params['idempotencyKey']);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a gateway that stays away is told of', async () => {
    gateway.handlers['call.create'] = () => {
      throw new ByonError('NETWORK', 'away');
    };
    const outcome = expect(device.call('+34600000002')).rejects.toMatchObject({ code: 'NETWORK' });
    await vi.advanceTimersByTimeAsync(2_500);
    await outcome;
    expect(gateway.asked('call.create')).toHaveLength(3);
  });

  test('the gateway\'s TURN servers are used, fetched once while they are good', async () => {
    const iceServers = [{ urls: ['turn:turn.example:3478'], username: 'u', credential: 'c' }];
    gateway.handlers['ice.servers'] = () => ({ iceServers, expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
    await vi.advanceTimersByTimeAsync(61_000);
    await callOut();
    expect(browser.pc.configuration.iceServers).toEqual(iceServers);
    const asked = gateway.asked('ice.servers').length;
    gateway.handlers['call.create'] = () => session({ mediaSessionId: 'call-2' });
    await callOut();
    expect(gateway.asked('ice.servers')).toHaveLength(asked);
    await vi.advanceTimersByTimeAsync(3_400_000);
    await callOut();
    expect(gateway.asked('ice.servers')).toHaveLength(asked + 1);
  });

  test('a gateway that does not say which TURN servers there are holds no call up', async () => {
    gateway.handlers['ice.servers'] = () => new Promise(() => {});
    await vi.advanceTimersByTimeAsync(61_000);
    const calling = device.call('+34600000002');
    await vi.advanceTimersByTimeAsync(1_600);
    expect((await calling).id).toBe('call-1');
  });

  test('a refused one rejects and ends', async () => {
    gateway.handlers['call.create'] = () => {
      throw new ByonError('PERMISSION_DENIED', 'Not this number.', { status: 403 });
    };
    const seen: Call[] = [];
    device.on('call', (call) => seen.push(call));
    await expect(device.call('+34600000002')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(seen[0]).toMatchObject({ state: 'ended', endStatus: 'Failed' });
    expect(browser.streams[0]?.track.isStopped).toBe(true);
  });

  test.each([
    ['NotAllowedError', /not permitted/], ['NotFoundError', /No microphone/], ['NotReadableError', /in use/], ['SomeError', /cannot be used/],
  ])('without a microphone (%s) nothing is sent', async (refusal, message) => {
    browser.mediaDevices.refusal = refusal;
    await expect(device.call('+34600000002')).rejects.toMatchObject({ code: 'MICROPHONE', message: expect.stringMatching(message) as string });
    expect(gateway.asked('call.create')).toEqual([]);
  });

  test('a withheld number', async () => {
    await device.call('+34600000002', { anonymous: true, displayName: 'Alice' });
    expect(gateway.asked('call.create')[0]?.body).toMatchObject({ originatorAddress: 'sip:anonymous@anonymous.invalid', originatorName: 'Alice' });
  });

  test('incoming: answered on the wire at once, the microphone opens only with accept()', async () => {
    const call = await invited();
    expect(call).toMatchObject({ state: 'ringing', direction: 'incoming', peer: 'tel:+34600000003' });
    expect(gateway.asked('call.status').map(({ body }) => body['status'])).toEqual(['InProgress', 'Ringing']);
    expect(gateway.asked('call.status')[0]?.body['answer']).toEqual({ sdp: 'answer of the browser' });
    expect(browser.mediaDevices.constraints).toEqual([]);
    await call.accept();
    expect(browser.pc.sender.track).toBe(browser.streams[0]?.track);
    expect(gateway.asked('call.status').at(-1)?.body).toEqual({ status: 'Connected' });
    expect(call.state).toBe('connected');
    gateway.event('session-status', session({ mediaSessionId: 'call-9', status: 'Connected', answer: { sdp: 'answer of the browser' }, sequenceNumber: 5 }));
    await settle();
    expect(errors).toEqual([]);
  });

  test('an emergency service is told of a new place', async () => {
    const place = { shape: 'Circle', coordinates: { latitude: 40.4, longitude: -3.7, radius: 10 } } as const;
    await (await connected()).changeLocation(place);
    expect(gateway.asked('call.location')[0]?.body).toEqual(place);
  });

  test('incoming: what the network says of the caller', async () => {
    const originatorIdentity = { asserted: true, verification: 'passed' } as const;
    gateway.event('session-invitation', session({ mediaSessionId: 'call-8', originatorIdentity, offer: { sdp: 'offer of the gateway' } }));
    await settle();
    expect((device.calls.at(-1) as Call).peerIdentity).toEqual(originatorIdentity);
    expect((await invited()).peerIdentity).toBeUndefined();
  });

  test('incoming: twice the same invitation is one call', async () => {
    await invited();
    await invited();
    expect(device.calls).toHaveLength(1);
  });

  test.each([['declined', 'Declined'], ['busy', 'Busy']] as const)('incoming: rejected as %s', async (how, status) => {
    const call = await invited();
    await call.reject(how);
    expect(gateway.asked('call.status').at(-1)?.body).toEqual({ status });
    expect(call.endStatus).toBe(status);
  });

  test('incoming: another device was faster', async () => {
    const call = await invited();
    gateway.event('session-status', session({ mediaSessionId: 'call-9', status: 'SessionCancelled', reason: 'Call completed elsewhere', sequenceNumber: 9 }));
    await settle();
    expect(call.wasAnsweredElsewhere).toBe(true);
    await expect(call.accept()).rejects.toMatchObject({ code: 'INCOMPATIBLE_STATE' });
  });

  test('hanging up is told to the gateway, once, and a call it has forgotten is no fault', async () => {
    gateway.handlers['call.delete'] = () => {
      throw new ByonError('NOT_FOUND', 'gone', { status: 404 });
    };
    const call = await connected();
    await call.hangup();
    await call.hangup();
    expect(gateway.asked('call.delete')).toHaveLength(1);
    expect(call.state).toBe('ended');
  });

  test('hanging up before the gateway has a name for the call ends it there too', async () => {
    device.on('call', (call) => call.on('state', (state) => state === 'dialing' && void call.hangup()));
    await device.call('+34600000002');
    expect(gateway.asked('call.delete')[0]?.params).toEqual({ mediaSessionId: 'call-1' });
    expect(device.calls).toEqual([]);
  });

  test('mute silences the microphone and survives a change of it', async () => {
    const call = await connected();
    call.mute();
    expect(browser.streams[0]?.track.enabled).toBe(false);
    await call.setInput('usb');
    expect(browser.mediaDevices.constraints.at(-1)).toMatchObject({ audio: { deviceId: { exact: 'usb' } } });
    expect(browser.streams[1]?.track.enabled).toBe(false);
    expect(browser.streams[0]?.track.isStopped).toBe(true);
    call.mute(false);
    expect(browser.streams[1]?.track.enabled).toBe(true);
  });

  test('a microphone that is unplugged is replaced by the default', async () => {
    await connected();
    browser.streams[0]?.track.onended?.();
    await settle();
    expect(browser.streams).toHaveLength(2);
    expect(browser.pc.sender.track).toBe(browser.streams[1]?.track);
  });

  test('hold and resume, by either side', async () => {
    const call = await connected();
    const told: unknown[] = [];
    call.on('held', (detail) => told.push(detail));
    call.on('resumed', () => told.push('resumed'));
    await call.hold();
    expect(call).toMatchObject({ state: 'held', isHeldHere: true });
    await call.hold(false);
    expect(call).toMatchObject({ state: 'connected', isHeldHere: false });
    gateway.status({ status: 'Hold', sequenceNumber: 5 });
    await settle();
    expect(call).toMatchObject({ state: 'held', isHeldHere: false });
    gateway.status({ status: 'Resume', sequenceNumber: 6 });
    await settle();
    expect(told).toEqual([{ by: 'local' }, 'resumed', { by: 'remote' }, 'resumed']);
  });

  test('a hold that the network refuses leaves the call as it was', async () => {
    const call = await connected();
    gateway.handlers['call.status'] = () => {
      throw new ByonError('INCOMPATIBLE_STATE', 'refused', { status: 409 });
    };
    await expect(call.hold()).rejects.toMatchObject({ code: 'INCOMPATIBLE_STATE' });
    expect(call).toMatchObject({ state: 'connected', isHeldHere: false });
  });

  test('resuming while the other side still holds stays held', async () => {
    const call = await connected();
    await call.hold();
    gateway.handlers['call.status'] = () => session({ status: 'Hold' });
    await call.hold(false);
    expect(call).toMatchObject({ state: 'held', isHeldHere: false });
  });

  test('one call talks at a time', async () => {
    const first = await connected();
    const second = await invited();
    await second.accept();
    expect(first).toMatchObject({ state: 'held', isHeldHere: true });
    await first.hold(false);
    expect([first.state, second.state]).toEqual(['connected', 'held']);
  });

  test('digits go in the media, or by the gateway where the browser cannot', async () => {
    const call = await connected();
    await call.sendDigits('12#');
    expect(browser.pc.done).toContain('digits 12#');
    browser.pc.sender.dtmf.canInsertDTMF = false;
    await call.sendDigits('4a');
    expect(gateway.asked('call.dtmf')[0]?.body).toEqual({ digits: '4A' });
    await expect(call.sendDigits('12x')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(call.sendDigits('')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('digits of the other side', async () => {
    const call = await connected();
    const digits: string[] = [];
    call.on('digit', ({ digit }) => digits.push(digit));
    gateway.event('org.byon-gateway.events.v1.dtmf-received', { mediaSessionId: 'call-1', digit: '7', durationMs: 100 });
    expect(digits).toEqual(['7']);
  });

  const TRANSFER = 'org.byon-gateway.events.v1.transfer';

  test('a call moves to the phone: it goes on here until that has answered', async () => {
    gateway.handlers['call.transfer'] = () => session({ status: 'Connected' });
    const call = await connected();
    const steps: string[] = [];
    call.on('transfer', ({ state }) => steps.push(state));
    const moved = call.transfer();
    await settle();
    expect(gateway.asked('call.transfer')[0]).toMatchObject({ params: { mediaSessionId: 'call-1' }, body: { to: 'phone' } });
    for (const state of ['Started', 'Ringing', 'Completed']) gateway.event(TRANSFER, { mediaSessionId: 'call-1', state });
    gateway.status({ status: 'Terminated', reason: 'Call moved to another phone', sequenceNumber: 3 });
    await expect(moved).resolves.toBeUndefined();
    await settle();
    expect(steps).toEqual(['Started', 'Ringing', 'Completed']);
    expect(call.endReason).toBe('Call moved to another phone');
  });

  test('a phone that does not take it: the call goes on here', async () => {
    gateway.handlers['call.transfer'] = () => session({ status: 'Connected' });
    gateway.handlers['call.transfer.cancel'] = () => undefined;
    const call = await connected();
    const moved = call.transfer('+34 600 000 005');
    await settle();
    expect(gateway.asked('call.transfer')[0]?.body).toEqual({ to: 'tel:+34600000005' });
    await call.cancelTransfer();
    gateway.event(TRANSFER, { mediaSessionId: 'call-1', state: 'Failed', reason: 'SIP 486 Busy Here' });
    await expect(moved).rejects.toMatchObject({ code: 'TRANSFER_FAILED', message: 'SIP 486 Busy Here' });
    expect(call.state).toBe('connected');
    await expect(call.transfer('x y')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('the network moves the other side: the call goes on with somebody else', async () => {
    const call = await connected();
    const steps: string[] = [];
    call.on('referral', ({ state, target }) => steps.push(`${state} ${target}`));
    const before = call.peer;
    const tell = (state: string) => gateway.event('org.byon-gateway.events.v1.referral', { mediaSessionId: 'call-1', state, target: 'tel:+34600000009' });
    tell('Started');
    tell('Failed');
    expect(call.peer).toBe(before);
    tell('Completed');
    expect(call.peer).toBe('tel:+34600000009');
    expect(call.peerName).toBeUndefined();
    expect(call.state).toBe('connected');
    expect(steps).toEqual(['Started', 'Failed', 'Completed'].map((state) => `${state} tel:+34600000009`));
  });

  test('a call that is elsewhere comes here', async () => {
    const elsewhere = { ...session({ mediaSessionId: 'call-7', status: 'Connected' }), registrationId: 'reg-2', direction: 'originating', place: 'phone' };
    gateway.handlers['call.elsewhere'] = () => [elsewhere];
    gateway.handlers['call.pull'] = () => session({ mediaSessionId: 'call-8' });
    const [there] = await device.callsElsewhere();
    const call = await device.pull(there!);
    expect(gateway.asked('call.pull')[0]).toMatchObject({ params: { mediaSessionId: 'call-7' }, body: { registrationId: 'reg-1', offer: { sdp: 'offer 1' } } });
    gateway.status({ mediaSessionId: 'call-8', status: 'InProgress', answer: { sdp: 'answer' }, sequenceNumber: 1 });
    gateway.status({ mediaSessionId: 'call-8', status: 'Connected', answer: { sdp: 'answer' }, sequenceNumber: 2 });
    await settle();
    expect(call.state).toBe('connected');
    expect(call.peer).toBe('tel:+34600000002');
    expect(browser.pc.done.filter((what) => what === 'remote answer answer')).toHaveLength(1);
  });

  test('what does not fit the state is refused', async () => {
    const call = await callOut();
    await expect(call.hold()).rejects.toMatchObject({ code: 'INCOMPATIBLE_STATE' });
    await expect(call.accept()).rejects.toMatchObject({ code: 'INCOMPATIBLE_STATE' });
    await expect(call.sendDigits('1')).rejects.toMatchObject({ code: 'INCOMPATIBLE_STATE' });
    await expect(call.restartIce()).rejects.toMatchObject({ code: 'INCOMPATIBLE_STATE' });
  });

  describe('whose path is lost', () => {
    const told: string[] = [];
    let call: Call;
    beforeEach(async () => {
      told.length = 0;
      call = await connected();
      call.on('reconnecting', () => told.push('reconnecting'));
      call.on('reconnected', () => told.push('reconnected'));
      call.on('ended', ({ status }) => told.push(`ended ${status}`));
    });
    const restarts = () => gateway.asked('call.status').filter(({ body }) => body['offer']).length;

    test('waits a moment: it may come back by itself', async () => {
      browser.pc.become('disconnected');
      await vi.advanceTimersByTimeAsync(1_500);
      browser.pc.become('connected');
      await vi.advanceTimersByTimeAsync(60_000);
      expect(told).toEqual(['reconnecting', 'reconnected']);
      expect(restarts()).toBe(0);
    });

    test('restarts ICE, with a new offer and its answer', async () => {
      browser.pc.become('disconnected');
      await vi.advanceTimersByTimeAsync(2_100);
      expect(gateway.asked('call.status').at(-1)?.body).toEqual({ status: 'Connected', offer: { sdp: 'offer 2 restart' } });
      expect(browser.pc.done.at(-1)).toBe('remote answer answer');
      browser.pc.become('connected');
      await vi.advanceTimersByTimeAsync(60_000);
      expect(told).toEqual(['reconnecting', 'reconnected']);
      expect(restarts()).toBe(1);
    });

    test('tries again while the gateway cannot be reached, and takes its offer back', async () => {
      const answer = gateway.handlers['call.status'];
      gateway.handlers['call.status'] = () => {
        throw new ByonError('NETWORK', 'away');
      };
      browser.pc.become('failed');
      await vi.advanceTimersByTimeAsync(10_000);
      expect(restarts()).toBeGreaterThanOrEqual(3);
      expect(browser.pc.done.at(-1)).toBe('local rollback');
      gateway.handlers['call.status'] = answer as never;
      await vi.advanceTimersByTimeAsync(6_100);
      expect(browser.pc.done.at(-1)).toBe('remote answer answer');
      expect(call.state).toBe('connected');
    });

    test('restarts at growing distances while nothing answers, and no more than ten times', async () => {
      const times: number[] = [];
      const answer = gateway.handlers['call.status'] as (...all: unknown[]) => unknown;
      gateway.handlers['call.status'] = (...all) => {
        times.push(Date.now());
        return answer(...all);
      };
      vi.spyOn(Math, 'random').mockReturnValue(0.5);
      browser.pc.become('disconnected');
      await vi.advanceTimersByTimeAsync(5_000);
      browser.pc.become('failed'); // of the same loss: no second series
      await vi.advanceTimersByTimeAsync(24_900);
      const pauses = times.slice(1).map((at, index) => at - (times[index] as number));
      expect(pauses.slice(0, 4)).toEqual([2000, 3000, 4500, 5000]);
      expect(pauses.every((pause, index) => index === 0 || pause >= (pauses[index - 1] as number))).toBe(true);
      expect(times.length).toBeLessThanOrEqual(10);
      expect(call.state).toBe('connected');
    });

    test('two browsers do not try at the same moments', async () => {
      const pausesWith = async (random: number) => {
        vi.spyOn(Math, 'random').mockReturnValue(random);
        const from = restarts();
        browser.pc.become('failed');
        await vi.advanceTimersByTimeAsync(1_500);
        const early = restarts() - from;
        await vi.advanceTimersByTimeAsync(300);
        const late = restarts() - from;
        browser.pc.become('connected');
        await vi.advanceTimersByTimeAsync(15_000);
        return [early, late];
      };
      expect(await pausesWith(0)).toEqual([1, 2]); // 1.6 s
      expect(await pausesWith(0.999)).toEqual([1, 1]); // 2.4 s
    });

    test('that comes and goes does not get a restart each time, and after a calm a quick one again', async () => {
      for (let flap = 0; flap < 20; ++flap) {
        browser.pc.become('failed');
        await vi.advanceTimersByTimeAsync(500);
        browser.pc.become('connected');
        await vi.advanceTimersByTimeAsync(500);
      }
      expect(restarts()).toBeLessThanOrEqual(8);
      await vi.advanceTimersByTimeAsync(20_000);
      const before = restarts();
      browser.pc.become('failed');
      await vi.advanceTimersByTimeAsync(10);
      expect(restarts()).toBe(before + 1);
    });

    test('while the network changes again and again restarts as rarely', async () => {
      for (let change = 0; change < 50; ++change) {
        call.networkChanged();
        await vi.advanceTimersByTimeAsync(100);
      }
      expect(restarts()).toBeGreaterThanOrEqual(2);
      expect(restarts()).toBeLessThanOrEqual(4);
    });

    test('ends at once when the gateway no longer knows the call', async () => {
      gateway.handlers['call.status'] = () => {
        throw new ByonError('NOT_FOUND', 'gone', { status: 404 });
      };
      browser.pc.become('failed');
      await vi.advanceTimersByTimeAsync(10);
      expect(told).toEqual(['reconnecting', 'ended Failed']);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(restarts()).toBe(1);
    });

    test('tries again when the gateway is at another change of the call', async () => {
      const answer = gateway.handlers['call.status'];
      gateway.handlers['call.status'] = () => {
        throw new ByonError('INCOMPATIBLE_STATE', 'An earlier change is still under way.', { status: 409 });
      };
      browser.pc.become('failed');
      await vi.advanceTimersByTimeAsync(10);
      expect(browser.pc.done.at(-1)).toBe('local rollback');
      gateway.handlers['call.status'] = answer as never;
      await vi.advanceTimersByTimeAsync(2_500);
      expect(browser.pc.done.at(-1)).toBe('remote answer answer');
    });

    test('waits for its turn: neither a hold nor a second restart is overtaken', async () => {
      const asked: string[] = [];
      const answer = gateway.handlers['call.status'] as (...all: unknown[]) => unknown;
      let release = () => {};
      gateway.handlers['call.status'] = async (params, body) => {
        asked.push(`${body['status']}${body['offer'] ? ' with an offer' : ''}`);
        await new Promise<void>((resolve) => (release = resolve));
        return answer(params, body);
      };
      const changes = Promise.all([call.hold(), call.restartIce(), call.restartIce()]);
      const steps = ['Hold', 'Hold with an offer', 'Hold with an offer'];
      for (let step = 1; step <= steps.length; ++step) {
        await settle();
        expect(asked).toEqual(steps.slice(0, step));
        expect(browser.pc.signalingState).toBe(step === 1 ? 'stable' : 'have-local-offer');
        release();
      }
      await changes;
      expect(browser.pc.signalingState).toBe('stable');
      expect(call.state).toBe('held');
    });

    test('ends after half a minute, and the gateway is told', async () => {
      browser.pc.become('failed');
      await vi.advanceTimersByTimeAsync(29_000);
      expect(call.state).toBe('connected');
      await vi.advanceTimersByTimeAsync(1_100);
      expect(told).toEqual(['reconnecting', 'ended Failed']);
      expect(gateway.asked('call.delete')).toHaveLength(1);
    });

    test('while it rings here ends here only', async () => {
      const ringing = await invited();
      browser.pc.become('failed');
      await vi.advanceTimersByTimeAsync(31_000);
      expect(ringing).toMatchObject({ state: 'ended', endStatus: 'Failed' });
      expect(gateway.asked('call.status').at(-1)).toMatchObject({ params: { mediaSessionId: 'call-9' }, body: { status: 'Busy' } });
      expect(gateway.asked('call.delete')).toEqual([]);
    });

    test('while it is on hold stays on hold', async () => {
      await call.hold();
      browser.pc.become('failed');
      await vi.advanceTimersByTimeAsync(10);
      expect(gateway.asked('call.status').at(-1)?.body).toMatchObject({ status: 'Hold', offer: { sdp: 'offer 2 restart' } });
    });
  });

  test('its quality is told every second, and warned of', async () => {
    const call = await connected();
    const moses: number[] = [];
    const told: string[] = [];
    call.on('quality', ({ mos }) => moses.push(mos));
    call.on('warning', (warning) => told.push(warning));
    call.on('warningCleared', (warning) => told.push(`no ${warning}`));
    let received = 0;
    let lost = 0;
    const second = async (losesPackets: number) => {
      received += 50 - losesPackets;
      lost += losesPackets;
      browser.pc.report.set('in', { type: 'inbound-rtp', kind: 'audio', packetsReceived: received, packetsLost: lost, jitter: 0.004 });
      browser.pc.report.set('out', { type: 'outbound-rtp', kind: 'audio', packetsSent: received });
      await vi.advanceTimersByTimeAsync(1_000);
    };
    for (let i = 0; i < 4; ++i) await second(0);
    expect(moses.every((mos) => mos > 4.3)).toBe(true);
    for (let i = 0; i < 4; ++i) await second(12);
    expect(moses.at(-1)).toBeLessThan(3);
    expect(told).toEqual(['low-mos', 'high-packet-loss']);
    expect(call.warnings).toEqual(['low-mos', 'high-packet-loss']);
    for (let i = 0; i < 6; ++i) await second(0);
    expect(told.slice(2)).toEqual(['no low-mos', 'no high-packet-loss']);
    await call.hangup();
    const before = moses.length;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(moses).toHaveLength(before);
  });

  test('next() waits for an event, or is given up', async () => {
    const call = await callOut();
    const giveUp = new AbortController();
    const waiting = call.next('connected', { signal: giveUp.signal });
    giveUp.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    const ended = call.next('ended');
    gateway.status({ status: 'Busy', sequenceNumber: 1 });
    await expect(ended).resolves.toMatchObject({ status: 'Busy' });
  });
});
