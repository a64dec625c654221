import type { Device } from './device.js';
import { asError, ByonError } from './error.js';
import { LevelMeter } from './level_meter.js';
import { openMicrophone, type Platform } from './platform.js';
import type { QualitySample } from './quality.js';
import type { Transport } from './transport.js';

/** What is tried, in this order. */
export type PreflightStepName = 'browser' | 'gateway' | 'events' | 'microphone' | 'network' | 'call';

/** One step of a {@link PreflightReport}. */
export interface PreflightStep {
  name: PreflightStepName;
  outcome: 'passed' | 'failed' | 'skipped';
  /** In words, for people. */
  detail: string;
  durationMs: number;
  /** What was measured, e.g. `roundTripMs`. */
  figures: Record<string, number>;
}

/** What a pre-flight test found. */
export interface PreflightReport {
  /** No step failed. */
  isGood: boolean;
  steps: PreflightStep[];
}

/** How to run a pre-flight test. */
export interface PreflightOptions {
  /** A number that answers, e.g. the operator's echo service: makes a call to it and judges its sound. */
  testCallTo?: string;
  /** How long the test call talks; default 5000. */
  testCallMs?: number;
  /** How long the microphone is listened to; default 1500. */
  listenMs?: number;
  /** Told of each step as it ends. */
  onStep?: (step: PreflightStep) => void;
  signal?: AbortSignal;
}

interface Parts {
  device: Device;
  transport: Transport;
  platform: Platform;
}

const GATHER_MS = 3000;
const ANSWER_MS = 30_000;
const QUIET_LEVEL = 0.02;

type Finding = { detail: string; figures?: Record<string, number>; isSkipped?: boolean };

/** @internal */
export async function runPreflight(options: PreflightOptions, parts: Parts): Promise<PreflightReport> {
  const steps: PreflightStep[] = [];
  const tries: [PreflightStepName, (options: PreflightOptions, parts: Parts) => Promise<Finding>][] = [
    ['browser', tryBrowser], ['gateway', tryGateway], ['events', tryEvents], ['microphone', tryMicrophone], ['network', tryNetwork],
    ['call', tryCall],
  ];
  for (const [name, attempt] of tries) {
    if (options.signal?.aborted) throw new ByonError('ABORTED', 'The test was given up.', { cause: options.signal.reason });
    const began = Date.now();
    const step: PreflightStep = { name, outcome: 'passed', detail: '', durationMs: 0, figures: {} };
    try {
      const { detail, figures = {}, isSkipped = false } = await attempt(options, parts);
      Object.assign(step, { detail, figures, outcome: isSkipped ? 'skipped' : 'passed' });
    } catch (error) {
      Object.assign(step, { detail: asError(error).message, outcome: 'failed' });
    }
    step.durationMs = Date.now() - began;
    steps.push(step);
    options.onStep?.(step);
  }
  return { isGood: steps.every(({ outcome }) => outcome !== 'failed'), steps };
}

async function tryBrowser(_: PreflightOptions, { platform }: Parts): Promise<Finding> {
  if (globalThis.isSecureContext === false) throw new ByonError('NOT_SUPPORTED', 'The page does not come over HTTPS.');
  if (!platform.RTCPeerConnection) throw new ByonError('NOT_SUPPORTED', 'This browser has no WebRTC.');
  if (!platform.mediaDevices) throw new ByonError('NOT_SUPPORTED', 'This browser gives no access to microphones.');
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.('audio')?.codecs;
  if (codecs && !codecs.some(({ mimeType }) => mimeType.toLowerCase() === 'audio/opus')) {
    throw new ByonError('NOT_SUPPORTED', 'This browser does not know Opus.');
  }
  return { detail: 'WebRTC with Opus' };
}

async function tryGateway(_: PreflightOptions, { device, transport }: Parts): Promise<Finding> {
  await transport.connect(device.deviceId);
  const began = Date.now();
  const registrations = await transport.request('registration.list', { deviceId: device.deviceId });
  const roundTripMs = Date.now() - began;
  return {
    detail: `answers in ${roundTripMs} ms; this device is ${registrations.length > 0 ? 'registered' : 'not registered'}`,
    figures: { roundTripMs, registrations: registrations.length },
  };
}

async function tryEvents(_: PreflightOptions, { device, transport }: Parts): Promise<Finding> {
  if (!device.isRegistered) return { detail: 'needs a registration', isSkipped: true };
  const roundTripMs = await transport.ping();
  return { detail: `there and back in ${roundTripMs} ms`, figures: { roundTripMs } };
}

async function tryMicrophone({ listenMs = 1500 }: PreflightOptions, { device, platform }: Parts): Promise<Finding> {
  const stream = await openMicrophone(platform, true, device.audio.inputId);
  try {
    const label = stream.getAudioTracks()[0]?.label || 'the microphone';
    if (!platform.AudioContext) return { detail: label };
    const context = new platform.AudioContext();
    const meter = new LevelMeter(context, stream);
    let peak = 0;
    try {
      for (const end = Date.now() + listenMs; Date.now() < end; await wait(50)) peak = Math.max(peak, meter.level);
    } finally {
      meter.close();
      await context.close();
    }
    if (peak === 0) throw new ByonError('MICROPHONE', `${label} gives silence; it may be muted by its own switch.`);
    return { detail: peak < QUIET_LEVEL ? `${label}, very quiet` : label, figures: { peakLevel: peak } };
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

async function tryNetwork(_: PreflightOptions, { platform }: Parts): Promise<Finding> {
  if (!platform.RTCPeerConnection) throw new ByonError('NOT_SUPPORTED', 'This browser has no WebRTC.');
  const pc = new platform.RTCPeerConnection({ iceServers: [] });
  let candidates = 0;
  try {
    const gathered = new Promise<void>((resolve) => {
      pc.onicecandidate = ({ candidate }) => (candidate === null ? resolve() : void ++candidates);
    });
    pc.addTransceiver('audio');
    await pc.setLocalDescription(await pc.createOffer());
    await Promise.race([gathered, wait(GATHER_MS)]);
  } finally {
    pc.close();
  }
  if (candidates === 0) throw new ByonError('NETWORK', 'The browser finds no network to send media over.');
  return { detail: `${candidates} local ${candidates === 1 ? 'address' : 'addresses'} for media`, figures: { candidates } };
}

/** The only step that proves media both ways: there is no path to judge without a call. */
async function tryCall({ testCallTo, testCallMs = 5000 }: PreflightOptions, { device }: Parts): Promise<Finding> {
  if (!testCallTo) return { detail: 'no number to call was given', isSkipped: true };
  const began = Date.now();
  const call = await device.call(testCallTo);
  const samples: QualitySample[] = [];
  call.on('quality', (sample) => samples.push(sample));
  try {
    await Promise.race([
      call.state === 'connected' ? undefined : call.next('connected'),
      call.next('ended').then(({ reason }) => Promise.reject(new ByonError('NOT_REACHABLE', `The test call ended: ${reason ?? 'no answer'}`))),
      wait(ANSWER_MS).then(() => Promise.reject(new ByonError('TIMEOUT', 'The test call was not answered.'))),
    ]);
    const connectMs = Date.now() - began;
    await wait(testCallMs);
    const { packetsReceived, packetsSent } = await call.getStats();
    if (packetsReceived === 0) throw new ByonError('NETWORK', 'Nothing was heard: media does not arrive.');
    const worst = samples.reduce((least, { mos }) => Math.min(least, mos), 4.5);
    const roundTripMs = samples.at(-1)?.roundTripMs ?? 0;
    return {
      detail: `connected after ${(connectMs / 1000).toFixed(1)} s, quality ${worst.toFixed(1)} of 4.5`,
      figures: { connectMs, mos: worst, roundTripMs, packetsReceived, packetsSent },
    };
  } finally {
    await call.hangup().catch(() => {});
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
