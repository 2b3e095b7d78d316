//! Every bound of the program with its reason, and compile-time assertions between them.
//!
//! `*_MAX` is inclusive. Durations are `Duration`; names ending in `_MS` do not occur.

use std::time::Duration;

/// Milliseconds, shorter.
const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

// Datagrams.

/// The largest datagram: the minimum IPv6 MTU of RFC 8200 (1,280) less 48 bytes of headers, rounded
/// down.
pub const DATAGRAM_BYTES_MAX: usize = 1200;
/// The largest datagram between peers: it must fit into a relay packet.
pub const PEER_DATAGRAM_BYTES_MAX: usize = 1100;
/// The smallest DATA: every answer to an unproven address is at most as long.
pub const DATA_BYTES_MIN: usize = 48;
/// The smallest HELLO, and the one that is sent.
pub const HELLO_BYTES_MIN: usize = 256;
/// What is cut from a packet for one CHUNK: with ACK and headers it fits both datagram sizes.
pub const CHUNK_BYTES: usize = 1024;
/// Chunks of the largest packet.
pub const CHUNKS_MAX: usize = 68;

// Packets.

/// The largest head.
pub const HEAD_BYTES_MAX: usize = 1024;
/// The largest integer in a head: every JSON reader keeps it exactly (RFC 8259 section 6).
pub const HEAD_INTEGER_MAX: u64 = (1 << 53) - 1;
/// The longest word in a head (a code, a type, an encoding); longer than any of ours.
pub const WORD_BYTES_MAX: usize = 32;
/// The longest name and version of a program in a head.
pub const APP_BYTES_MAX: usize = 64;
/// The longest text of a refusal: even if every byte is escaped by two, the head has room.
pub const REFUSAL_TEXT_BYTES_MAX: usize = 256;
/// The largest tail: a text and 2 KiB of room for a sealed envelope.
pub const TAIL_BYTES_MAX: usize = 67_584;
/// The largest packet.
pub const PACKET_BYTES_MAX: usize = 69_632;
/// The largest text; a product limit.
pub const TEXT_BYTES_MAX: usize = 65_536;
/// The longest name; keeps rows and heads small.
pub const NAME_BYTES_MAX: usize = 32;
/// The longest extension of a card.
pub const CARD_EXTENSION_BYTES_MAX: usize = 512;

// The link.

/// Counters remembered against replay (RFC 6479).
pub const REPLAY_WINDOW: u64 = 2048;
/// Completed packets remembered.
pub const MSEQ_WINDOW: u32 = 1024;
/// How far a sender may be ahead of its oldest unfinished packet.
pub const MSEQ_AHEAD_MAX: u32 = 256;
/// A try, as people are shown it.
pub const SLOT: Duration = ms(500);
/// Tries of a request to the server.
pub const SERVER_SLOTS: u8 = 5;
/// A long text's live try, restarted by progress, ends here.
pub const DIRECT_MAX: Duration = ms(5000);
/// The server is alive and its answer late: told once after this, then asked again.
pub const ANSWER_MAX: Duration = ms(10_000);
/// When a HELLO is repeated inside a slot; there is no round-trip sample yet.
pub const HELLO_OFFSETS: [Duration; 4] = [ms(0), ms(50), ms(150), ms(300)];
/// The shortest probe time-out (RFC 9002's shape, sized for a LAN).
pub const PTO_MIN: Duration = ms(20);
/// The probe time-out before the first sample: like the first gap between two HELLOs.
pub const PTO_START: Duration = ms(50);
/// The longest an acknowledgement waits for company.
pub const ACK_DELAY: Duration = ms(5);
/// Transmissions of one chunk in one slot.
pub const SENDS_PER_SLOT_MAX: u8 = 5;
/// Congestion window in datagrams at the start (RFC 9002 section 7.2).
pub const WINDOW_START: u32 = 10;
/// Smallest congestion window; 2 doubles the time of 64 KiB at 30 % loss.
pub const WINDOW_MIN: u32 = 4;
/// Largest congestion window; the bits of an ACK cover twice as many.
pub const WINDOW_MAX: u32 = 64;
/// Unacknowledged datagrams remembered; no ACK covers more than 129, the rest is for late ones.
pub const FLIGHT_MAX: usize = 256;
/// Packets sent once that wait in one session; a relay's budget is spent long before.
pub const LOOSE_MAX: usize = 64;
/// Addresses of one session that are asked for proof at the same time.
pub const CHALLENGES_MAX: usize = 4;
/// Datagrams of one session in one turn of the loop (RFC 8085 section 3.1).
pub const BURST_MAX: u32 = 10;
/// Packets that wait in one session.
pub const SEND_PACKETS_MAX: usize = 256;
/// Bytes that wait in one session.
pub const SEND_BYTES_MAX: usize = 1 << 20;
/// Multi-chunk packets in flight in one session.
pub const SEND_LARGE_MAX: usize = 2;
/// Unfinished packets of one session.
pub const REASSEMBLY_PACKETS_MAX: usize = 8;
/// Bytes of unfinished packets of one session.
pub const REASSEMBLY_BYTES_MAX: usize = 256 << 10;
/// Bytes of unfinished packets in all.
pub const REASSEMBLY_ALL_BYTES_MAX: usize = 64 << 20;
/// An unfinished packet is forgotten after this, whatever arrives.
pub const REASSEMBLY_TIME: Duration = ms(10_000);

// Sessions.

/// A used session is renewed after this, give or take a tenth.
pub const REKEY: Duration = ms(900_000);
/// It must have been used this recently to be worth renewing.
pub const REKEY_USED: Duration = ms(30_000);
/// No session seals or opens after this.
pub const REJECT: Duration = ms(1_800_000);
/// No session seals or opens at this counter.
pub const COUNTER_MAX: u64 = 1 << 40;
/// A replaced session still receives this long.
pub const OLD_SESSION: Duration = ms(5000);
/// An unconfirmed handshake lives this long.
pub const PENDING: Duration = ms(5000);
/// When all are in use, one older than this gives way.
pub const PENDING_YIELD: Duration = ms(1000);
/// Unconfirmed handshakes in all.
pub const PENDING_MAX: usize = 4096;
/// Unconfirmed handshakes of one key.
pub const PENDING_PER_KEY_MAX: usize = 4;
/// Sessions of a server; the longest idle goes first.
pub const SESSIONS_MAX: usize = 120_000;
/// Sessions of a client with peers; the longest idle goes first.
pub const PEER_SESSIONS_MAX: usize = 256;
/// A session that does not register is closed after this.
pub const UNREGISTERED: Duration = ms(10_000);
/// HELLOs without a cookie in a second that turn RETRY mode on: 4 % of a core.
pub const RETRY_HELLOS_PER_S: u32 = 200;
/// Unconfirmed handshakes that turn RETRY mode on.
pub const RETRY_PENDING: usize = 1024;
/// RETRY mode stays on this long after its cause.
pub const RETRY_HOLD: Duration = ms(5000);
/// A cookie's secret is drawn anew (`WireGuard` paper, section 5.4.7).
pub const COOKIE: Duration = ms(120_000);
/// Handshakes of one address in RETRY mode, a second.
pub const HANDSHAKES_PER_ADDRESS_PER_S: u32 = 20;
/// The same, at once.
pub const HANDSHAKES_PER_ADDRESS_BURST: u32 = 40;
/// RESET, VERSION and KEYREP to one address, a second.
pub const STATELESS_PER_ADDRESS_PER_S: u32 = 10;
/// RESET, VERSION and KEYREP in all, a second.
pub const STATELESS_PER_S: u32 = 1000;
/// Addresses that token buckets remember; beyond, the longest unused is forgotten.
pub const BUCKETS_MAX: usize = 4096;
/// A CLOSE is repeated this often while the other still talks.
pub const CLOSES_MAX: u8 = 3;
/// Time between two CLOSEs.
pub const CLOSE_GAP: Duration = ms(100);
/// Ended sessions that may still repeat their CLOSE; beyond, the oldest is forgotten.
pub const CLOSINGS_MAX: usize = 1024;
/// Unknown keys a second that a client is asked to look up.
pub const STRANGERS_PER_S: u32 = 10;
/// Servers that are asked for their keys at the same time.
pub const ASKS_MAX: usize = 16;
/// The longest text of a CLOSE.
pub const CLOSE_TEXT_BYTES_MAX: usize = 64;
/// Malformed packets that end a session.
pub const MALFORMED_MAX: u8 = 3;

// Presence.

/// A client that has sent nothing for this long sends a PING, give or take a tenth; most NATs keep
/// a mapping for 30 s.
pub const KEEPALIVE: Duration = ms(20_000);
/// A client not heard from for this long is asked.
pub const SILENT: Duration = ms(30_000);
/// After a server's start, who has not come back by then is offline.
pub const UNCONFIRMED: Duration = ms(35_000);
/// A peer session unused for this long is closed.
pub const PEER_IDLE: Duration = ms(60_000);
/// A peer that did not answer directly is reached indirectly for this long.
pub const INDIRECT: Duration = ms(60_000);
/// Time between two probes of a status check: 10 in a slot.
pub const PROBE_GAP: Duration = ms(50);
/// How long the outcome of a stored message to somebody online stays open.
pub const OUTCOME: Duration = ms(1100);

// Requests and rates, per identity where nothing else is said.

/// Requests of one session in flight.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 32;
/// Mails unsettled in one session.
pub const MAIL_WINDOW: usize = 16;
/// Ids in one `mailack`.
pub const MAIL_ACKS_MAX: usize = 16;
/// How long the store is not told who has taken a message to many: nobody waits for that.
pub const SETTLE_DELAY: Duration = ms(5);
/// So many are told at once.
pub const SETTLES_MAX: usize = 64;
/// Messages to single recipients through the server, a second: a pipe must flow, nobody may starve
/// the rest.
pub const MESSAGES_PER_S: u32 = 500;
/// The same, at once.
pub const MESSAGES_BURST: u32 = 2000;
/// Group messages a second.
pub const GROUP_MESSAGES_PER_S: u32 = 100;
/// The same, at once.
pub const GROUP_MESSAGES_BURST: u32 = 500;
/// Messages to everybody, a second.
pub const ALL_MESSAGES_PER_S: u32 = 1;
/// The same, at once.
pub const ALL_MESSAGES_BURST: u32 = 10;
/// The longest name of an encoding of a text.
pub const ENC_BYTES_MAX: usize = 32;
/// Answers that wait for a session whose link is full; one that asks on without listening loses the
/// rest.
pub const ANSWERS_WAITING_MAX: usize = 64;
/// Look-ups a second.
pub const LOOKUPS_PER_S: u32 = 50;
/// New names a minute from one address; private ranges and loopback exempt.
pub const NEW_NAMES_PER_MIN: u32 = 60;

// Names, groups, mail.

/// Names a server binds.
pub const NAMES_MAX: usize = 100_000;
/// Groups a server keeps.
pub const GROUPS_MAX: usize = 10_000;
/// Groups one name is a member of.
pub const GROUPS_PER_NAME_MAX: usize = 100;
/// Recipients of one message: a fan-out is at most 10 ms of the loop.
pub const FANOUT_MAX: usize = 1000;
/// Mails in one mailbox.
pub const MAILBOX_MAILS_MAX: usize = 1000;
/// Bytes in one mailbox.
pub const MAILBOX_BYTES_MAX: usize = 4 << 20;
/// Mails of one sender in one mailbox.
pub const PAIR_MAILS_MAX: usize = 100;
/// Bytes of one sender in one mailbox.
pub const PAIR_BYTES_MAX: usize = 512 << 10;
/// Receipts and notices in one mailbox; then the oldest goes.
pub const NOTICES_MAX: usize = 10_000;
/// Bytes of the server's store.
pub const STORE_BYTES_MAX: usize = 1 << 30;
/// Full at this share, so that settling still works.
pub const STORE_FULL_PERCENT: usize = 95;
/// Mail expires.
pub const MAIL_DAYS: i64 = 30;
/// Traces of settled mail and of released names are kept.
pub const TOMBSTONE_DAYS: i64 = 45;
/// Nothing expires this soon after a start.
pub const EXPIRY_DELAY: Duration = ms(86_400_000);
/// Nothing expires while the two clocks have drifted apart by more.
pub const CLOCK_DRIFT: Duration = ms(3_600_000);
/// Time between two rounds of expiry.
pub const EXPIRY_GAP: Duration = ms(3_600_000);
/// Mails given up in one transaction.
pub const EXPIRE_ROWS_MAX: u16 = 512;
/// Names that left for good and are to be named on the console at the next message to their group.
pub const DEPARTED_MAX: usize = 10_000;
/// Groups and members that one line of the console shows; beyond, the line is left out.
pub const GROUPS_SHOWN_MAX: usize = 10_000;
/// A day in wall time.
pub const DAY_MS: i64 = 86_400_000;

// The client.

/// Messages in the outbox that nobody has confirmed.
pub const OUTBOX_MAX: usize = 1000;
/// Messages saved at the server and without a receipt.
pub const OUTBOX_SAVED_MAX: usize = 10_000;
/// How long a message waits for an earlier one of its sender.
pub const GAP: Duration = ms(2000);
/// Ids remembered of one sender, so that nothing is shown twice.
pub const SEEN_IDS_MAX: usize = 65_536;
/// Messages held while in a group.
pub const HELD_MAX: usize = 10_000;
/// Messages of programs of which more may become known; of older ones the terminal is told, too.
pub const SENT_ASIDE_MAX: usize = 1024;
/// Lines that wait for the outcome of one that changes the mode.
pub const LINES_WAITING_MAX: usize = 10_000;
/// Lines of one message that are shown; more would push all else off a screen.
pub const SHOWN_LINES_MAX: usize = 20;

/// Messages of one sender that wait for an earlier one; more of them end the waiting.
pub const GAP_WAITING_MAX: usize = 256;
/// Counts of messages (sender, audience, run) that are remembered; beyond, quiet ones are
/// forgotten.
pub const STREAMS_MAX: usize = 16_384;
/// Messages on their way to one peer at once: enough to fill a path, few enough for one slot.
pub const LIVE_MAX: usize = 64;
/// How often one message is tried anew on a new session within its slot.
pub const LIVE_AGAIN_MAX: u8 = 3;
/// Messages with the latest confirmations are offered again after a login, so many, to see whether
/// the server still has them: one would do if confirmations came in the order of typing.
pub const HISTORY_PROBES: usize = 8;
/// Packets of one peer that wait for its card; it comes first, so more than a burst is odd.
pub const CARD_WAITING_MAX: usize = 64;
/// Keys of peers that are not in the table yet and were looked up.
pub const STRANGERS_MAX: usize = 256;
/// The mail announced at a login is handed over when none came for this long.
pub const BATCH_STALL: Duration = ms(5000);
/// How soon a client that was closed again right after its login tries anew, and asks for the table
/// again.
pub const CALM: Duration = ms(1000);
/// A refused message is asked again by itself if the server wants no longer pause than this.
pub const PAUSE_MAX: Duration = ms(2000);
/// When a lost server is looked for, in seconds after each failure, give or take a quarter.
pub const RECONNECT_S: [u64; 6] = [1, 2, 4, 8, 15, 30];
/// When a request the server has in hand is asked again, in seconds after it was taken.
pub const ASK_AGAIN_S: [u64; 3] = [10, 20, 30];

// The table.

/// Rows of one `table` packet, in bytes.
pub const TABLE_PAGE_BYTES: usize = 16_384;
/// The shortest time between two table packets of a session that has caught up.
pub const TABLE_GAP_MIN: Duration = ms(50);
/// The longest.
pub const TABLE_GAP_MAX: Duration = ms(5000);
/// Table datagrams a second in all.
pub const TABLE_DATAGRAMS_PER_S: u32 = 20_000;
/// Bytes of one `names` answer.
pub const NAMES_PAGE_BYTES: usize = 16_384;

// The relay.

/// The largest datagram that is relayed.
pub const RELAY_DATAGRAM_BYTES_MAX: usize = PEER_DATAGRAM_BYTES_MAX;
/// Bytes a second of one ordered pair: chat, not files.
pub const RELAY_BYTES_PER_S: u32 = 4000;
/// The same, at once.
pub const RELAY_BYTES_BURST: u32 = 64_000;
/// Bytes a second in all.
pub const RELAY_ALL_BYTES_PER_S: u32 = 1_250_000;

// The store port.

/// Store requests that wait; beyond, the request is given back.
pub const STORE_QUEUE_MAX: usize = 8192;
/// Bytes of messages to many that a store remembers until all who are here have them.
pub const PENDING_BYTES_MAX: usize = 64 << 20;
/// Store requests in one transaction: a commit costs about as much for one as for these.
pub const STORE_BATCH_MAX: usize = 512;
/// A disk that does not take a commit is tried again after this.
pub const STORE_PROBE: Duration = ms(1000);
/// What a server sets aside on its disk, so that settling goes on when all else is full: as much as
/// its log grows between two checkpoints (<https://www.sqlite.org/wal.html>).
pub const SERVER_RESERVE_BYTES: usize = 4 << 20;
/// The same of a client, whose marks are small.
pub const CLIENT_RESERVE_BYTES: usize = 512 << 10;
/// Bytes of a client's store.
pub const CLIENT_STORE_BYTES_MAX: usize = 4 << 30;
/// Messages a client keeps as history; beyond, the oldest go when it starts.
pub const HISTORY_MESSAGES_MAX: i64 = 1_000_000;
/// Messages of the history that are shown if no count is given: a screen.
pub const HISTORY_COUNT: usize = 20;
/// Messages of the history that are shown at most.
pub const HISTORY_COUNT_MAX: usize = 1000;
/// Messages in one export.
pub const EXPORT_MAX: usize = 100_000;
/// Bytes of texts that one question to the history brings.
pub const RECALL_BYTES_MAX: usize = 64 << 20;
/// Of those, texts of one answer to a program: in JSON a byte is at most six (`\u001b`).
pub const REPLY_TEXTS_BYTES_MAX: usize = 2 << 20;
/// The core asks again after `Unknown`: first after this, doubling.
pub const STORE_RETRY_MIN: Duration = ms(1000);
/// The longest time between two such questions.
pub const STORE_RETRY_MAX: Duration = ms(30_000);

// The loop.

/// Datagrams read in one turn.
pub const READ_BATCH: usize = 64;
/// Datagrams that wait for a socket that would block.
pub const SEND_QUEUE_MAX: usize = 4096;
/// What is asked of the kernel for a receive buffer; the default holds 92 datagrams of 1,200 bytes.
pub const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// Fresh bytes of the operating system are mixed in.
pub const ENTROPY: Duration = ms(60_000);
/// Lines of input without an outcome; beyond, no more is read: a pipe waits, nothing piles up.
pub const LINES_IN_FLIGHT_MAX: usize = 32;
/// What one read of input brings: as much as a pipe holds.
pub const INPUT_BYTES: usize = 64 << 10;
/// Text that waits for a slow reader; beyond, text is dropped, never protocol work.
pub const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Rounds between a core and its store in one turn; beyond, the network is served first.
pub const STORE_ROUNDS_MAX: usize = 64;
/// The prompt is back this soon after Enter, outcome or not.
pub const PROMPT_HOLD: Duration = ms(100);
/// SIGTERM waits so long for outcomes and a polite leave.
pub const LEAVE: Duration = ms(5000);
/// A line of input; a text of 64 KiB and its command fit.
pub const LINE_BYTES_MAX: usize = TEXT_BYTES_MAX + 1024;

// Programs that use a session.

/// Connections to a session at once.
pub const CONTROL_CONNECTIONS_MAX: usize = 64;
/// Requests of one connection without a reply; beyond, no more is read from it.
pub const CONTROL_OPEN_MAX: usize = 256;
/// A line from or to a program: a text of 64 KiB fits, even if each of its bytes is escaped by six.
pub const CONTROL_LINE_BYTES_MAX: usize = 512 << 10;
/// The longest id of a request.
pub const CONTROL_ID_BYTES_MAX: usize = 64;
/// Lines that wait for a slow reader. Beyond, events wait in the journal, as long as that has them,
/// the records of a reply for their turn, and no more is read from whoever does not read.
pub const CONTROL_UNREAD_BYTES_MAX: usize = 1 << 20;
/// Messages, deliveries and keys that the journal remembers, restarts included.
pub const JOURNAL_KEPT_MAX: usize = 10_000;
/// Bytes of texts that it remembers.
pub const JOURNAL_BYTES_MAX: usize = 8 << 20;
/// A one-shot that is told no time waits so long: a login, a direct try and the server's five slots
/// take less than six seconds; so does one that waits for another of its profile.
pub const ONESHOT: Duration = ms(30_000);
/// A session that has not said by then that the time is up says nothing any more.
pub const ONESHOT_GRACE: Duration = ms(5000);
/// How often a one-shot looks whether its profile is free: most have done their work in less.
pub const PROFILE_RETRY: Duration = ms(20);
/// Messages of a pipe on their way at once: enough for every path, well below what one connection
/// may ask.
pub const PIPE_OPEN_MAX: usize = 128;
/// What was refused for want of room is tried again after this, and then later and later.
pub const PIPE_WAIT_MIN: Duration = ms(1000);
/// But not later than this.
pub const PIPE_WAIT_MAX: Duration = ms(30_000);
/// Numbers of events that are set aside for one life of a program: a thousand a second for two
/// years. A hundred million lives fit into a number.
pub const EIDS_OF_A_LIFE: i64 = 1 << 36;
/// Other events that it remembers.
pub const JOURNAL_PASSING_MAX: usize = 1000;

// Scripts.

/// A `.chat` file, and each that it includes.
pub const SCRIPT_BYTES_MAX: usize = 1 << 20;
/// Files that a `.chat` file includes, those of included ones counted: two lines in each of 16
/// levels would be 65,536.
pub const SCRIPT_INCLUDES_MAX: usize = 256;
/// Levels of inclusion.
pub const SCRIPT_INCLUDE_DEPTH_MAX: usize = 16;
/// Blocks in blocks.
pub const SCRIPT_DEPTH_MAX: usize = 8;
/// Rounds of one `repeat`.
pub const SCRIPT_ROUNDS_MAX: u32 = 10_000;
/// Servers and actors of one test.
pub const SCRIPT_ACTORS_MAX: usize = 256;
/// What is wrong with a file is told up to this; after so much the rest is a consequence.
pub const SCRIPT_ERRORS_MAX: usize = 20;
/// A compiled regular expression of a pattern; beyond, it is refused before it costs a second.
pub const REGEX_BYTES_MAX: usize = 64 << 10;
/// Groups in groups of a regular expression.
pub const REGEX_DEPTH_MAX: u32 = 32;
/// How long a script waits for an event or a record, unless it says otherwise: a slot between two
/// clients and five of the server fit in.
pub const SCRIPT_TIMEOUT: Duration = ms(5000);
/// How long a script waits for the outcome of a line, unless it says otherwise.
pub const SCRIPT_COMMAND_TIMEOUT: Duration = ms(10_000);
/// How long nothing must be seen, unless a script says otherwise: a slot.
pub const SCRIPT_QUIET: Duration = SLOT;
/// The longest `sleep` of a script that runs in real time.
pub const SCRIPT_REAL_SLEEP_MAX: Duration = ms(60_000);
/// A query of a script is asked again after so long.
pub const SCRIPT_QUERY_EVERY: Duration = ms(50);
/// Lines of a script that are carried out without looking at the clock.
pub const SCRIPT_STEPS_PER_TURN: usize = 1000;
/// Lines of which a report tells; a test may loop for millions.
pub const SCRIPT_STEPS_KEPT_MAX: usize = 100_000;
// Programs of other people.

/// What a process may write to its standard output; the rest is cut off.
pub const CHILD_OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Events that wait for one hook; beyond, they are dropped, and an event says so.
pub const HOOK_QUEUE_MAX: usize = 64;
/// Replies of hooks to one sender in a minute: less than two programs need for a storm.
pub const HOOK_REPLIES_MAX: usize = 6;
/// The minute.
pub const HOOK_REPLIES_WINDOW: Duration = ms(60_000);
/// Senders whose replies are counted; beyond, nobody new is answered until one was quiet.
pub const HOOK_SENDERS_MAX: usize = 1024;
/// Arguments of such a command.
pub const PLUGIN_ARGS_MAX: usize = 16;
/// Words of one choice.
pub const PLUGIN_VALUES_MAX: usize = 64;
/// How long such a command may run, unless its manifest says otherwise.
pub const PLUGIN_LIMIT: Duration = ms(30_000);
/// The longest that it may say.
pub const PLUGIN_LIMIT_MAX: Duration = ms(3_600_000);

/// Processes that run at once: hooks, commands and manifests together.
pub const CHILDREN_MAX: usize = 16;
/// A process that was asked to end and did not is ended after so long.
pub const CHILD_GRACE: Duration = ms(1000);
/// What is kept of its standard error: the end.
pub const CHILD_COMPLAINT_BYTES_MAX: usize = 8 << 10;
/// Hooks of a profile.
pub const HOOKS_MAX: usize = 64;
/// How long a hook may run, unless it says otherwise.
pub const HOOK_LIMIT: Duration = ms(5000);
/// The longest that it may say.
pub const HOOK_LIMIT_MAX: Duration = ms(3_600_000);
/// What of a text stands in a hook's environment: far below what one variable may have (128 KiB,
/// execve(2)).
pub const HOOK_TEXT_BYTES_MAX: usize = 8 << 10;
/// A longer event is not in the environment, only on standard input.
pub const HOOK_JSON_BYTES_MAX: usize = 32 << 10;
/// What is kept of the log of hooks, twice: this file and the one before it.
pub const LOG_BYTES_MAX: u64 = 1 << 20;
/// How long a program may take to tell what it is: an interpreter that begins slowly, on a busy
/// machine. Each version of a program is asked once.
pub const MANIFEST_LIMIT: Duration = ms(2000);
/// All of them together, where somebody waits for the list.
pub const MANIFESTS_LIMIT: Duration = ms(2000);
/// What it may tell.
pub const MANIFEST_BYTES_MAX: usize = 64 << 10;
/// Programs that are commands; beyond, the rest is not seen.
pub const PLUGINS_MAX: usize = 64;

/// How long completion waits for a program's own candidates.
pub const COMPLETE_LIMIT: Duration = ms(150);

// The line editor.

/// Half an escape sequence is given up after this: more than a slow line takes between two bytes.
pub const ESCAPE_WAIT: Duration = ms(30);
/// Lines that are remembered, in the program and in its file.
pub const HISTORY_LINES_MAX: usize = 10_000;
/// Killed texts that can be yanked, as many as readline and rustyline keep.
pub const KILLS_MAX: usize = 60;
/// Files of a folder that completion looks at; a person does not choose among more.
pub const COMPLETED_FILES_MAX: usize = 1000;
/// Candidates that Tab lists; the rest is counted.
pub const LISTED_MAX: usize = 100;
/// People that completion remembers to have been written with.
pub const RECENT_MAX: usize = 16;
/// Changes of presence are told together when they come within this.
pub const PRESENCE_FOLD: Duration = ms(2000);
/// Names in one line about presence; the rest is counted.
pub const PRESENCE_NAMES_MAX: usize = 8;
/// Somebody who typed nothing for so long is told of a message.
pub const LOOKED_AWAY: Duration = ms(5000);
/// Characters of a notification.
pub const NOTIFICATION_CHARS_MAX: usize = 200;
/// What undo remembers of one text.
pub const UNDO_BYTES_MAX: usize = 1 << 20;

const _: () = assert!(PIPE_OPEN_MAX < CONTROL_OPEN_MAX);
const _: () = assert!(6 * TEXT_BYTES_MAX + 4096 <= CONTROL_LINE_BYTES_MAX);
const _: () = assert!(2 + HEAD_BYTES_MAX + TAIL_BYTES_MAX <= PACKET_BYTES_MAX);
const _: () = assert!(PACKET_BYTES_MAX == CHUNK_BYTES * CHUNKS_MAX);
const _: () = assert!(TEXT_BYTES_MAX + 2048 == TAIL_BYTES_MAX);
const _: () = assert!(PEER_DATAGRAM_BYTES_MAX + 100 <= DATAGRAM_BYTES_MAX);
const _: () = assert!(MSEQ_WINDOW > 2 * MSEQ_AHEAD_MAX);
const _: () = assert!(SEND_PACKETS_MAX <= MSEQ_AHEAD_MAX as usize);
const _: () = assert!(WINDOW_MAX * 2 <= 128);
const _: () = assert!(TABLE_PAGE_BYTES <= TAIL_BYTES_MAX);
const _: () = assert!(NAMES_PAGE_BYTES <= TAIL_BYTES_MAX);
const _: () = assert!(PENDING_PER_KEY_MAX < PENDING_MAX);
const _: () = assert!(SILENT.as_millis() > KEEPALIVE.as_millis() + KEEPALIVE.as_millis() / 10);
