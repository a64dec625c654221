/**
 * Calls with the user's own mobile number, from a web page.
 *
 * {@link Device} registers the number and makes and takes {@link Call}s; {@link SignIn} gets the access token from the
 * operator's identity provider. Everything fails with a {@link ByonError}.
 * @module
 */
export { isWithheld, numberOf } from './address.js';
export { AudioDevices, type AudioDevice, type AudioDevicesEvents } from './audio_devices.js';
export { Call, type MediaOptions } from './call.js';
export type { CallEvents, CallState } from './call_events.js';
export { ClickToCall, type ClickToCallEvents, type ClickToCallOptions } from './click_to_call.js';
export { Device, type CallOptions, type DeviceEvents, type DeviceOptions } from './device.js';
export { browserLocation } from './emergency.js';
export { Emitter, type Listener } from './emitter.js';
export { ByonError, type ByonErrorCode } from './error.js';
export type { LevelMeter } from './level_meter.js';
export type { MessageOptions, MessageQuery } from './messages.js';
export type { OperationName, Operations } from './operations.js';
export type { Platform } from './platform.js';
export type { PreflightOptions, PreflightReport, PreflightStep, PreflightStepName } from './preflight.js';
export type { PushOptions } from './push.js';
export { estimateMos, type CallStats, type QualitySample, type QualityWarning } from './quality.js';
export { RestTransport } from './rest_transport.js';
export { SignIn } from './sign_in.js';
export type { Transport, TransportEvents, TransportOptions } from './transport.js';
export { WebSocketTransport } from './web_socket_transport.js';
export type {
  CallElsewhere, CallerIdentity, CloudEvent, EmergencyKind, EndStatus, GatewayLegQuality, GatewayQuality, IceServersResource, ListedSession, LocationDetails, Message, PageConfig, Presence,
  PushState, PushSubscriptionBody,
  RegistrationResource, Sdp,
  ReferralEventData, SessionResource, SessionStatus, TransferEventData, Visit,
} from './wire.js';
