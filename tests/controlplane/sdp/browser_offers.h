#pragma once

// Offers as browsers write them, each with one audio transceiver: Chromium 156, Firefox ESR 153 and
// werift 0.25.2, candidates gathered on a test machine.
namespace byon::sdp {

inline constexpr char kChromiumOffer[] = R"(v=0
o=- 7313406064141782577 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS e70e8e62-8ca9-49e6-a4e0-3bfc08a9fd38
m=audio 33301 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 192.0.2.2
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:340481103 1 udp 2122194687 192.0.2.2 33301 typ host generation 0 network-id 1
a=candidate:322517247 1 udp 2122265343 fd00::2 44042 typ host generation 0 network-id 2
a=candidate:1787082455 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0 network-id 1
a=candidate:1844894311 1 tcp 1518285567 fd00::2 9 typ host tcptype active generation 0 network-id 2
a=ice-ufrag:eX6G
a=ice-pwd:zRSLRYTaWKY+tuAXKIAldj7n
a=ice-options:trickle
a=fingerprint:sha-256 0A:77:BF:D1:B3:70:CC:25:A3:43:89:EE:57:3C:F8:0B:07:75:99:F5:87:1A:C1:95:64:FC:35:27:B8:DF:C5:42
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:e70e8e62-8ca9-49e6-a4e0-3bfc08a9fd38 c2179495-a320-429e-bba9-42d9da104ea2
a=rtcp-mux
a=rtcp-rsize
a=rtcp-xr:rcvr-rtt=all
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:2139157060 cname:W+IOCJxqVFsSiDWf
a=ssrc:2139157060 msid:e70e8e62-8ca9-49e6-a4e0-3bfc08a9fd38 c2179495-a320-429e-bba9-42d9da104ea2
)";

inline constexpr char kFirefoxOffer[] = R"(v=0
o=mozilla...THIS_IS_SDPARTA-99.0 1899412127421004572 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 B2:F8:FB:23:E7:04:68:1A:F1:C4:14:C8:D9:0F:45:2B:F0:24:0B:BD:A5:F8:9B:BE:0C:38:C1:14:02:A4:83:AD
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 40043 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 10.99.0.1
a=candidate:0 1 UDP 2122252543 10.99.0.1 40043 typ host
a=candidate:1 1 TCP 2105524479 10.99.0.1 9 typ host tcptype active
a=candidate:0 2 UDP 2122252542 10.99.0.1 36272 typ host
a=candidate:1 2 TCP 2105524478 10.99.0.1 9 typ host tcptype active
a=sendrecv
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap-allow-mixed
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:e0492ce163d0c377485fffa02f6ca88c
a=ice-ufrag:93731fe5
a=mid:0
a=msid:{51c8beb5-2e4b-463b-a278-dc21136c7d7b} {e7fb5923-ffb5-4dd8-be33-364a81e19dc0}
a=rtcp:36272 IN IP4 10.99.0.1
a=rtcp-fb:109 transport-cc
a=rtcp-fb:9 transport-cc
a=rtcp-fb:0 transport-cc
a=rtcp-fb:8 transport-cc
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=setup:actpass
a=ssrc:420256905 cname:{65820314-2ef9-459e-a1ff-6218ed42a9ab}
)";

inline constexpr char kWeriftOffer[] = R"(v=0
o=- 46030554 0 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic:WMS *
m=audio 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=candidate:626da4e5384a0ce2d0d93678a 1 udp 2116026367 127.0.0.1 36141 typ host generation 0 ufrag 82e5
a=candidate:32b1715da3b0ef8ba684454eb 1 udp 2116026367 192.0.2.2 59572 typ host generation 0 ufrag 82e5
a=candidate:9c29a2bc887618212a1623bfa 1 udp 2116026367 fd00::2 57630 typ host generation 0 ufrag 82e5
a=end-of-candidates
a=ice-ufrag:82e5
a=ice-pwd:d1ad04262734405b0f425a
a=ice-options:trickle
a=fingerprint:sha-256 40:09:F0:A1:45:EE:D0:39:3C:9F:18:2C:FA:B7:CA:AA:9F:E5:54:A5:2A:37:2A:08:4C:58:F0:93:9C:C1:09:36
a=setup:actpass
a=sendrecv
a=mid:0
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=ssrc:1441942744 cname:d02ec94f-b5cf-446b-a871-c2b9d4cba936
a=rtpmap:96 OPUS/48000/2
)";

}  // namespace byon::sdp
