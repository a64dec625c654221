import type { QualitySample, QualityWarning } from './quality.js';
import type { EmergencyKind, EndStatus, ReferralEventData, TransferEventData } from './wire.js';

/** Where a call stands. */
export type CallState =
  /** Made here, or announced by the gateway; nothing is heard. */
  | 'new'
  /** On its way to the other side. */
  | 'dialing'
  /** The other side rings; or this side does. */
  | 'ringing'
  /** Outgoing: the network plays something before the answer. */
  | 'earlyMedia'
  | 'connected'
  /** Put on hold by either side. */
  | 'held'
  | 'ended';

/** Events of a {@link Call}. */
export interface CallEvents {
  /** Every change of `state`. */
  state: CallState;
  /** The other side rings. */
  ringing: undefined;
  /** The network plays something before the answer. */
  earlyMedia: undefined;
  connected: undefined;
  held: { by: 'local' | 'remote' };
  resumed: undefined;
  ended: { status: EndStatus; reason?: string | undefined };
  mute: boolean;
  /** The other side pressed a key. */
  digit: { digit: string; durationMs: number };
  /** How {@link Call.transfer} goes on. */
  transfer: { state: TransferEventData['state']; reason?: string | undefined };
  /** The network moves the other side to somebody else, who is {@link Call.peer} once it has `Completed`; the call goes on. */
  referral: { state: ReferralEventData['state']; target: string; reason?: string | undefined };
  /** The network says that this call is with an emergency service. */
  emergency: Exclude<EmergencyKind, 'call'>;
  /** The sound of the other side; the SDK plays it by itself. */
  remoteStream: MediaStream;
  /** The path to the gateway is lost; an ICE restart is tried for half a minute. */
  reconnecting: undefined;
  /** The path to the gateway is back. */
  reconnected: undefined;
  /** Once a second while connected. */
  quality: QualitySample;
  /** Something is wrong with the call's quality for some seconds. */
  warning: QualityWarning;
  /** It is over. */
  warningCleared: QualityWarning;
  /** Something failed that no promise tells of. */
  error: Error;
}
