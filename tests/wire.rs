//! Golden bytes of everything that travels, every truncation and every flipped bit of them.

use ackchat::model::limits::{HEAD_BYTES_MAX, REFUSAL_TEXT_BYTES_MAX, TAIL_BYTES_MAX};
use ackchat::model::{MessageId, PublicKey, Version};
use ackchat::wire::datagram::{Role, before_mac1, before_mac2, version_asked};
use ackchat::wire::frame::frames;
use ackchat::wire::packet::{
    Audience, GroupAct, ListOf, LookupOf, MailHead, MailKind, PacketError, RefusalCode, Stamp,
    StoredState, ids_of_tail, ids_tail, names_of_tail, names_tail,
};
use ackchat::wire::row::{Status, rows};
use ackchat::wire::{Ack, Card, CloseCode, Datagram, DecodeError, Frame, Head, Packet, Row};
use golden::{bytes, packet};
use std::fmt::Debug;
use std::str::FromStr;

mod golden;

// The keys of protocol section 3.9.
const SERVER_ID: &str = "4d68f3f225001ce1f625f15033c8442c45a1b579acd70685ef4f841431fa0390";
const SERVER_KEY: &str = "a7fe6a6cc8d7eb84564731c85cb0a00b05c29b711c22719eef8c5b67a2b5f717";
const CLIENT_ID: &str = "063bb304740afaa0efb06037c97bc23e92f50c930c3de3849eb7a06934e86abd";
const CLIENT_KEY: &str = "1f12b4e57e3b7fa120133f66d1bea12f3b77dc6d310999735495ecb92a1fbc3d";

const ID: MessageId = MessageId(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
const STAMP: Stamp = Stamp {
    seq: 7,
    run: 0x9f3a_11c2,
    at_ms: 1_763_670_000_123,
};
const AT_MS: i64 = 1_763_670_000_200;

fn parsed<T: FromStr<Err: Debug>>(word: &str) -> T {
    word.parse().expect("a right word")
}

/// Each input is what is made of the golden bytes by cutting or by turning one bit.
fn for_each_damage(golden: &[u8], mut see: impl FnMut(&[u8])) {
    (0..golden.len()).for_each(|length| see(&golden[..length]));
    for bit in 0..golden.len() * 8 {
        let mut damaged = golden.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        see(&damaged);
    }
}

// Datagrams.

#[test]
fn every_datagram_has_its_golden_bytes() {
    let all: Vec<Vec<u8>> = golden::DATAGRAMS.iter().map(|hex| bytes(hex)).collect();
    let tail = |datagram: usize| -> [u8; 16] { *all[datagram].last_chunk().unwrap() };
    let nonce = ID.to_bytes();
    let expected = [
        Datagram::Hello {
            role: Role::Server,
            sid: 0x1122_3344,
            noise: &all[0][8..224],
            mac1: bytes("70d73d2d58a44b76fa85fd2bd483c93c")
                .try_into()
                .unwrap(),
            mac2: [0; 16],
        },
        Datagram::Reply {
            sid: 0x1122_3344,
            noise: &all[1][8..88],
            mac1: tail(1),
        },
        Datagram::Retry {
            sid: 0x1122_3344,
            nonce: std::array::from_fn(|index| all[2][8 + index]),
            sealed: *all[2].last_chunk().unwrap(),
        },
        Datagram::Data {
            sid: 0x5566_7788,
            counter: 0,
            sealed: &all[3][16..],
        },
        Datagram::Reset {
            sid: 0x5566_7788,
            token: tail(4),
        },
        Datagram::KeyRequest { nonce },
        Datagram::KeyReply {
            nonce,
            session_key: parsed(SERVER_KEY),
            identity: parsed(SERVER_ID),
        },
        Datagram::Version {
            lowest: 1,
            highest: 2,
            sid: 0x1122_3344,
        },
    ];
    let lengths = [256, 104, 64, 156, 24, 256, 84, 8];
    for ((golden, expected), length) in all.iter().zip(expected).zip(lengths) {
        assert_eq!(golden.len(), length);
        assert_eq!(Datagram::parse(golden), Ok(expected));
        assert_eq!(expected.encode(), *golden);
    }
}

#[test]
fn a_damaged_datagram_is_refused_or_is_another_exact_datagram() {
    let mut refused = 0;
    for golden in golden::DATAGRAMS {
        for_each_damage(&bytes(golden), |damaged| match Datagram::parse(damaged) {
            Ok(datagram) => assert_eq!(datagram.encode(), damaged),
            Err(DecodeError) => refused += 1,
        });
    }
    assert!(refused > 2000, "{refused}");
}

#[test]
fn a_datagram_has_a_shortest_and_a_longest_form() {
    let mut hello = bytes(golden::DATAGRAMS[0]);
    for (length, right) in [(255, false), (256, true), (1200, true), (1201, false)] {
        hello.resize(length, 7);
        assert_eq!(Datagram::parse(&hello).is_ok(), right, "HELLO of {length}");
    }
    let mut data = bytes(golden::DATAGRAMS[3]);
    for (length, right) in [(47, false), (48, true), (1200, true), (1201, false)] {
        data.resize(length, 7);
        assert_eq!(Datagram::parse(&data).is_ok(), right, "DATA of {length}");
    }
}

#[test]
fn a_session_number_is_never_zero() {
    for golden in [0, 1, 2, 3, 4, 7].map(|index| golden::DATAGRAMS[index]) {
        let mut datagram = bytes(golden);
        assert!(Datagram::parse(&datagram).is_ok());
        datagram[4..8].fill(0);
        assert_eq!(Datagram::parse(&datagram), Err(DecodeError));
    }
}

#[test]
fn a_hello_of_another_version_is_refused_but_may_be_told() {
    let mut hello = bytes(golden::DATAGRAMS[0]);
    assert_eq!(version_asked(&hello), None);
    hello[1] = 2;
    assert_eq!(Datagram::parse(&hello), Err(DecodeError));
    assert_eq!(version_asked(&hello), Some(0x1122_3344));
    assert_eq!(version_asked(&hello[..255]), None);
    hello[0] = 0xC2;
    assert_eq!(version_asked(&hello), None);
}

#[test]
fn a_mac_covers_all_before_it() {
    let (hello, reply) = (bytes(golden::DATAGRAMS[0]), bytes(golden::DATAGRAMS[1]));
    assert_eq!(before_mac1(&hello), Some(&hello[..224]));
    assert_eq!(before_mac2(&hello), Some(&hello[..240]));
    assert_eq!(before_mac1(&reply), Some(&reply[..88]));
    assert_eq!(before_mac2(&reply), None);
    assert_eq!(before_mac1(&hello[..31]), None);
    assert_eq!(before_mac1(b""), None);
    assert_eq!(before_mac1(&bytes(golden::DATAGRAMS[3])), None);
}

// Frames.

#[test]
fn every_frame_has_its_golden_bytes() {
    let expected = [
        Frame::Pad(1),
        Frame::Ack(Ack {
            largest: 10,
            delay: 3,
            bits: 0b1011,
        }),
        Frame::Ping,
        Frame::Chunk {
            mseq: 7,
            index: 1,
            count: 2,
            bytes: b"abc",
        },
        Frame::PathChallenge([0, 1, 2, 3, 4, 5, 6, 7]),
        Frame::PathResponse([7, 6, 5, 4, 3, 2, 1, 0]),
        Frame::Close {
            code: CloseCode::Limit,
            text: "hallo",
        },
        Frame::Loose(b"\x02\x00{}"),
    ];
    let all = bytes(&golden::FRAMES.concat());
    assert_eq!(
        frames(&all).collect::<Result<Vec<_>, _>>(),
        Ok(expected.to_vec())
    );
    for (golden, frame) in golden::FRAMES.iter().zip(expected) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        assert_eq!(out, bytes(golden));
        assert_eq!(out.len(), frame.encoded_len());
    }
    let eliciting = expected.map(|frame| frame.is_ack_eliciting());
    assert_eq!(
        eliciting,
        [false, false, true, true, true, false, false, false]
    );
}

#[test]
fn damaged_frames_end_with_an_error_or_are_other_exact_frames() {
    let golden = bytes(&golden::FRAMES.concat());
    let mut refused = 0;
    for_each_damage(&golden, |damaged| {
        let mut out = Vec::new();
        let mut iterator = frames(damaged);
        let end = iterator.try_for_each(|frame| frame.map(|frame| frame.encode(&mut out)));
        assert!(damaged.starts_with(&out));
        assert_eq!(iterator.next(), None);
        assert!(end.is_err() || out == damaged);
        refused += u32::from(end.is_err());
    });
    assert!(refused > 50, "{refused}");
}

#[test]
fn a_chunk_is_whole_unless_it_is_the_last() {
    let read = |index, count, length: usize| {
        let mut out = Vec::new();
        let bytes = &vec![b'x'; length][..];
        Frame::Chunk {
            mseq: 0,
            index,
            count,
            bytes,
        }
        .encode(&mut out);
        frames(&out).all(|frame| frame.is_ok())
    };
    for (index, count, length, right) in [
        (0, 0, 1, false),
        (0, 1, 0, false),
        (0, 1, 1, true),
        (0, 1, 1024, true),
        (0, 1, 1025, false),
        (0, 2, 1023, false),
        (0, 2, 1024, true),
        (1, 2, 1023, true),
        (2, 2, 1024, false),
        (67, 68, 1024, true),
        (68, 69, 1024, false),
        (255, 255, 1, false),
    ] {
        assert_eq!(
            read(index, count, length),
            right,
            "{index} of {count}, {length} bytes"
        );
    }
}

#[test]
fn every_reason_to_close_has_its_number() {
    let codes = [
        CloseCode::Bye,
        CloseCode::Protocol,
        CloseCode::Limit,
        CloseCode::Replaced,
        CloseCode::Silent,
        CloseCode::Other(5),
        CloseCode::Other(u16::MAX),
    ];
    for (code, number) in codes.into_iter().zip([0, 1, 2, 3, 4, 5, u16::MAX]) {
        let mut out = Vec::new();
        Frame::Close { code, text: "" }.encode(&mut out);
        assert_eq!(out[1..3], number.to_le_bytes());
        assert_eq!(
            frames(&out).next(),
            Some(Ok(Frame::Close { code, text: "" }))
        );
    }
}

#[test]
fn the_text_of_a_close_is_short_and_is_text() {
    let close =
        |length: u8, fill: u8| [&[6, 0, 0, length][..], &[fill].repeat(length.into())].concat();
    assert!(frames(&close(64, b'x')).all(|frame| frame.is_ok()));
    assert!(frames(&close(65, b'x')).any(|frame| frame.is_err()));
    assert!(frames(&close(1, 0xff)).any(|frame| frame.is_err()));
}

// Cards.

fn card() -> Card {
    Card {
        flags: 0,
        identity: parsed(CLIENT_ID),
        session_key: parsed(CLIENT_KEY),
        epoch: 0,
        issued_ms: 1_763_670_000_000,
        extension: Vec::new(),
        name: Some(parsed("alice")),
    }
}

#[test]
fn a_card_has_its_golden_bytes() {
    let golden = bytes(golden::CARD);
    assert_eq!(golden.len(), 150);
    let (read, signed, signature) = Card::decode(&golden).unwrap();
    assert_eq!(read, card());
    assert_eq!(signed, &golden[..86]);
    assert_eq!(signature, golden[86..]);
    assert_eq!(card().encode(), signed);
}

#[test]
fn a_damaged_card_is_refused_or_is_another_exact_card() {
    let mut refused = 0;
    for_each_damage(&bytes(golden::CARD), |damaged| {
        match Card::decode(damaged) {
            Ok((card, signed, signature)) => {
                assert_eq!(card.encode(), signed);
                assert_eq!([signed, &signature].concat(), damaged);
            }
            Err(DecodeError) => refused += 1,
        }
    });
    assert!(refused > 150, "{refused}");
}

#[test]
fn a_card_may_have_no_name_and_an_extension_of_512_bytes() {
    let extended = Card {
        flags: 3,
        extension: vec![7; 512],
        name: None,
        ..card()
    };
    let mut bytes = [extended.encode(), vec![0; 64]].concat();
    assert_eq!(Card::decode(&bytes).map(|(card, ..)| card), Ok(extended));
    assert_eq!(bytes[78..80], 512u16.to_le_bytes());
    bytes[78..80].copy_from_slice(&513u16.to_le_bytes());
    bytes.insert(80, 7);
    assert_eq!(Card::decode(&bytes), Err(DecodeError));
}

// Rows.

fn all_rows() -> [Row; 3] {
    [
        Row {
            version: Version(131),
            name: parsed("alice"),
            session_key: parsed(CLIENT_KEY),
            status: Status::Online,
            address: Some(parsed("192.0.2.7:7001")),
        },
        Row {
            version: Version(132),
            name: parsed("Bob"),
            session_key: parsed(SERVER_KEY),
            status: Status::Away,
            address: None,
        },
        Row {
            version: Version(u64::MAX),
            name: parsed("7"),
            session_key: PublicKey([0; 32]),
            status: Status::Released,
            address: Some(parsed("[2001:db8::1]:65535")),
        },
    ]
}

#[test]
fn every_row_has_its_golden_bytes() {
    let golden = bytes(&golden::ROWS.concat());
    assert_eq!(bytes(golden::ROWS[0]).len(), 55);
    assert_eq!(Row::decode_all(&golden), Ok(all_rows().to_vec()));
    let mut out = Vec::new();
    for row in all_rows() {
        row.encode(&mut out);
    }
    assert_eq!(out, golden);
}

#[test]
fn damaged_rows_are_refused_or_are_other_exact_rows() {
    let mut refused = 0;
    for_each_damage(&bytes(&golden::ROWS.concat()), |damaged| {
        let exact: Result<Vec<(Row, &[u8])>, DecodeError> = rows(damaged).collect();
        match exact {
            Ok(read) => {
                let joined: Vec<&[u8]> = read.iter().map(|(_, exact)| *exact).collect();
                assert_eq!(joined.concat(), damaged);
                assert!(
                    read.iter()
                        .all(|(row, exact)| exact_or_extended(row, exact))
                );
            }
            Err(DecodeError) => refused += 1,
        }
    });
    assert!(refused > 200, "{refused}");
}

/// True if the row was written by this version, or by a later one that added an extension.
fn exact_or_extended(row: &Row, exact: &[u8]) -> bool {
    let mut out = Vec::new();
    row.encode(&mut out);
    let (extension_len, fixed) = out.split_last().expect("a row is not empty");
    let (begin, rest) = exact.split_at(fixed.len());
    assert_eq!(*extension_len, 0);
    begin == fixed && usize::from(rest[0]) == rest.len() - 1
}

#[test]
fn every_status_has_its_flag_and_no_other_flag_is_read() {
    let mut row = bytes(golden::ROWS[0]);
    let known = [
        (0, Status::Silent),
        (1, Status::Online),
        (2, Status::Away),
        (4, Status::Left),
        (8, Status::TimedOut),
        (128, Status::Released),
    ];
    for flags in 0..=255 {
        row[8] = flags;
        let expected = known.iter().find(|(known, _)| *known == flags);
        let read = Row::decode_all(&row).map(|rows| rows[0].status);
        assert_eq!(read.ok(), expected.map(|(_, status)| *status), "{flags}");
    }
}

#[test]
fn the_extension_of_a_row_is_passed_over() {
    let mut row = bytes(golden::ROWS[0]);
    *row.last_mut().unwrap() = 3;
    row.extend_from_slice(b"new");
    row.extend_from_slice(&bytes(golden::ROWS[1]));
    assert_eq!(Row::decode_all(&row).unwrap(), all_rows()[..2]);
    assert_eq!(rows(&row).next().unwrap().unwrap().1.len(), 58);
}

// Packets.

fn mail(kind: MailKind) -> MailHead {
    MailHead {
        kind,
        id: ID,
        from: parsed("alice"),
        audience: None,
        of: None,
        stamp: None,
        at_ms: AT_MS,
        off: false,
        auto: false,
        enc: None,
        stored_ms: None,
    }
}

/// The heads of `golden::PACKETS`.
#[expect(clippy::too_many_lines, reason = "a list")]
fn heads() -> Vec<Head> {
    let (id, at_ms) = (ID, AT_MS);
    let message_of = |audience, stamp, auto, enc| Head::GroupMessage {
        id,
        audience,
        stamp,
        auto,
        enc,
    };
    vec![
        Head::Ack { id },
        Head::Card {
            name: parsed("alice"),
        },
        Head::Dereg {
            id,
            is_final: false,
        },
        Head::Dereg { id, is_final: true },
        Head::Done {
            id,
            unchanged: true,
        },
        Head::Group {
            id,
            act: GroupAct::Join,
            group: parsed("tea"),
        },
        Head::GroupAck { id, at_ms, to: 3 },
        message_of(Audience::Everybody, Stamp { seq: 1, ..STAMP }, false, None),
        message_of(
            Audience::Group(parsed("tea")),
            Stamp {
                seq: 2,
                run: 1,
                at_ms: 0,
            },
            true,
            Some("g1".into()),
        ),
        Head::List {
            id,
            of: ListOf::Groups,
            group: None,
            after: None,
        },
        Head::List {
            id,
            of: ListOf::Members,
            group: Some(parsed("tea")),
            after: Some("bob".into()),
        },
        Head::Lookup {
            id,
            of: LookupOf::Name(parsed("bob")),
        },
        Head::Lookup {
            id,
            of: LookupOf::Key(parsed(CLIENT_KEY)),
        },
        Head::Mail(MailHead {
            stamp: Some(STAMP),
            off: true,
            auto: true,
            enc: Some("e1".into()),
            ..mail(MailKind::Direct)
        }),
        Head::Mail(MailHead {
            id: parsed("0274192ee439f30d060f7e771641140b"),
            from: parsed("bob"),
            of: Some(id),
            at_ms: 1_766_262_000_200,
            ..mail(MailKind::Expired)
        }),
        Head::Mail(MailHead {
            audience: Some(Audience::Group(parsed("tea"))),
            stamp: Some(STAMP),
            ..mail(MailKind::Group)
        }),
        Head::Mail(MailHead {
            id: parsed("54d00b5b659f4013009e3de8b8d12127"),
            from: parsed("bob"),
            of: Some(id),
            at_ms: 1_763_670_009_000,
            stored_ms: Some(AT_MS),
            ..mail(MailKind::Receipt)
        }),
        Head::MailAck,
        Head::Message {
            id,
            to: parsed("bob"),
            stamp: STAMP,
            auto: false,
            enc: None,
        },
        Head::Names { id, more: false },
        Head::Refused {
            id: Some(id),
            re: "store".into(),
            code: RefusalCode::PairFull,
            text: "say \"less\"".into(),
            after_ms: Some(5000),
        },
        Head::Refused {
            id: None,
            re: "relay".into(),
            code: RefusalCode::Other("sleepy".into()),
            text: "".into(),
            after_ms: None,
        },
        Head::Register {
            id,
            name: parsed("alice"),
            app: "ackchat 0.1.0".into(),
            store: Some(0xdead_beef),
            table: Some(131),
        },
        Head::Registered {
            id,
            name: parsed("alice"),
            you: parsed("192.0.2.7:7001"),
            at_ms,
            store: 0xdead_beef,
            table: 131,
            mail: 2,
            back: true,
            group: Some(parsed("tea")),
        },
        Head::Relay { to: parsed("bob") },
        Head::Relayed {
            from: parsed("alice"),
        },
        Head::Row { id },
        Head::Store {
            id,
            to: parsed("bob"),
            stamp: STAMP,
            live: true,
            auto: false,
            enc: None,
        },
        Head::Stored {
            id,
            at_ms,
            state: StoredState::Taken,
            online: false,
        },
        Head::Sync {
            from: (1 << 53) - 1,
        },
        Head::Table {
            from: 130,
            to: 131,
            head: 131,
            digest: Some(0x752f_3bff_99c3_2958),
            reset: true,
        },
    ]
}

#[test]
fn every_packet_has_its_golden_bytes() {
    assert_eq!(heads().len(), golden::PACKETS.len());
    for ((head, tail), expected) in golden::PACKETS.into_iter().zip(heads()) {
        let expected = Packet {
            head: expected,
            tail: tail.to_vec(),
        };
        let golden = packet(head, tail);
        assert_eq!(Packet::decode(&golden).as_ref(), Ok(&expected), "{head}");
        assert_eq!(expected.encode(), golden, "{head}");
        assert!(head.starts_with(&format!(r#"{{"t":"{}""#, expected.head.word())));
    }
}

#[test]
fn the_example_of_the_protocol_is_115_bytes() {
    let golden = bytes(golden::PACKET);
    assert_eq!(golden.len(), 115);
    let head = Head::Message {
        id: ID,
        to: parsed("bob"),
        stamp: STAMP,
        auto: false,
        enc: None,
    };
    let example = Packet {
        head,
        tail: "h\u{e9}llo\n".into(),
    };
    assert_eq!(example.encode(), golden);
    assert_eq!(Packet::decode(&golden), Ok(example));
}

#[test]
fn a_damaged_packet_is_refused_or_means_what_it_says() {
    let (mut refused, mut read) = (0, 0);
    for (head, tail) in golden::PACKETS {
        for_each_damage(&packet(head, tail), |damaged| {
            match Packet::decode(damaged) {
                Ok(packet) => {
                    read += 1;
                    assert_eq!(Packet::decode(&packet.encode()), Ok(packet));
                }
                Err(_) => refused += 1,
            }
        });
    }
    assert!(refused > 10_000, "{refused}");
    assert!(read > 1000, "{read}");
}

fn check(head: &str, expected: &Result<Head, PacketError>) {
    let decoded = Packet::decode(&packet(head, b"")).map(|packet| packet.head);
    assert_eq!(decoded, *expected, "{head}");
}

const ID_FIELD: &str = r#""id":"000102030405060708090a0b0c0d0e0f""#;

fn with_id(fields: &str) -> String {
    fields.replace("ID", ID_FIELD)
}

#[test]
fn unknown_fields_and_blanks_mean_nothing() {
    for head in [
        r#" { "t" : "ack" , ID } "#,
        r#"{ID,"t":"ack"}"#,
        r#"{"t":"ack",ID,"x":1,"x":[{"id":"y"}],"":null}"#,
        r#"{"t":"ack",ID,"seq":{"deep":[1.5,-3,1e300]},"to":[],"at":"late"}"#,
        r#"{"t":"\u0061ck",ID}"#,
    ] {
        check(&with_id(head), &Ok(Head::Ack { id: ID }));
    }
}

#[test]
fn optional_fields_that_are_false_or_empty_are_absent() {
    for fields in ["", r#","final":false"#, r#","final":"""#] {
        let head = Head::Dereg {
            id: ID,
            is_final: false,
        };
        check(
            &with_id(&format!(r#"{{"t":"dereg",ID{fields}}}"#)),
            &Ok(head),
        );
    }
    for fields in ["", r#","group":"","after":"""#, r#","group":false"#] {
        let head = Head::List {
            id: ID,
            of: ListOf::Groups,
            group: None,
            after: None,
        };
        check(
            &with_id(&format!(r#"{{"t":"list",ID,"of":"groups"{fields}}}"#)),
            &Ok(head),
        );
    }
}

#[test]
fn a_head_that_breaks_a_rule_is_malformed() {
    for head in [
        // No object with a type.
        "",
        "{}",
        "[]",
        r#"["mailack"]"#,
        r#""ack""#,
        "null",
        r#"{"t":""}"#,
        r#"{"t":1}"#,
        r#"{"t":null}"#,
        r#"{"t":"mailack"}{}"#,
        r#"{"t":"mailack""#,
        // Ids.
        r#"{"t":"ack"}"#,
        r#"{"t":"ack","id":""}"#,
        r#"{"t":"ack","id":5}"#,
        r#"{"t":"ack","id":"000102030405060708090A0B0C0D0E0F"}"#,
        r#"{"t":"ack","id":"000102030405060708090a0b0c0d0e0"}"#,
        // A known field twice.
        r#"{"t":"ack",ID,ID}"#,
        r#"{"t":"ack","t":"ack",ID}"#,
        r#"{"t":"future","t":"future"}"#,
        // Integers.
        r#"{"t":"sync"}"#,
        r#"{"t":"sync","from":9007199254740992}"#,
        r#"{"t":"sync","from":-1}"#,
        r#"{"t":"sync","from":1.0}"#,
        r#"{"t":"sync","from":"1"}"#,
        r#"{"t":"sync","from":null}"#,
        // Flags, words, names, digits.
        r#"{"t":"names",ID}"#,
        r#"{"t":"names",ID,"more":1}"#,
        r#"{"t":"dereg",ID,"final":1}"#,
        r#"{"t":"dereg",ID,"final":null}"#,
        r#"{"t":"group",ID,"op":"Join","group":"tea"}"#,
        r#"{"t":"group",ID,"op":"join","group":"*"}"#,
        r#"{"t":"card","name":"../x"}"#,
        r#"{"t":"relay","to":"server"}"#,
        r#"{"t":"list",ID,"of":"groups","after":"a b"}"#,
        r#"{"t":"lookup",ID}"#,
        r#"{"t":"lookup",ID,"key":"00"}"#,
        r#"{"t":"gmsg",ID,"group":"tea","seq":1,"run":"9F3A11C2","at":1}"#,
        r#"{"t":"gmsg",ID,"group":"tea","seq":1,"run":"+f3a11c2","at":1}"#,
        r#"{"t":"table","from":0,"to":0,"head":0,"digest":"0"}"#,
        // Mail without what its kind needs.
        r#"{"t":"mail","kind":"new",ID,"from":"a","at":1}"#,
        r#"{"t":"mail","kind":"direct",ID,"from":"a","at":1}"#,
        r#"{"t":"mail","kind":"direct",ID,"from":"a","at":1,"seq":1}"#,
        r#"{"t":"mail","kind":"group",ID,"from":"a","at":1,"seq":1,"run":"00000000","sent":1}"#,
        r#"{"t":"mail","kind":"receipt",ID,"from":"a","at":1}"#,
    ] {
        check(&with_id(head), &Err(PacketError::Malformed));
    }
    check(
        r#"{"t":"lookup","id":"000102030405060708090a0b0c0d0e0f","name":"bob","key":"1f12b4e57e3b7fa120133f66d1bea12f3b77dc6d310999735495ecb92a1fbc3d"}"#,
        &Err(PacketError::Malformed),
    );
    let not_text = b"\x09\x00{\"t\":\"\xff\"}";
    assert_eq!(Packet::decode(not_text), Err(PacketError::Malformed));
}

#[test]
fn a_type_of_a_later_version_is_told_with_its_id() {
    for (head, id) in [
        (r#"{"t":"punch",ID}"#, Some(ID)),
        (r#"{"t":"punch"}"#, None),
        (r#"{"t":"punch","id":7}"#, None),
        (r#"{"t":"Ack",ID}"#, Some(ID)),
    ] {
        check(&with_id(head), &Err(PacketError::UnknownType { id }));
    }
}

#[test]
fn strings_of_a_head_have_limits() {
    let refused = |re: usize, code: usize, text: usize| {
        let [re, code, text] = [re, code, text].map(|length| "x".repeat(length));
        let head = format!(r#"{{"t":"refused","re":"{re}","code":"{code}","text":"{text}"}}"#);
        Packet::decode(&packet(&head, b"")).is_ok()
    };
    assert!(refused(32, 32, REFUSAL_TEXT_BYTES_MAX));
    assert!(!refused(33, 32, REFUSAL_TEXT_BYTES_MAX));
    assert!(!refused(32, 33, REFUSAL_TEXT_BYTES_MAX));
    assert!(!refused(32, 32, REFUSAL_TEXT_BYTES_MAX + 1));
    let register = |length| {
        let app = "x".repeat(length);
        let head = with_id(&format!(
            r#"{{"t":"register",ID,"name":"a","app":"{app}"}}"#
        ));
        Packet::decode(&packet(&head, b"")).is_ok()
    };
    assert!(register(64));
    assert!(!register(65));
}

#[test]
fn head_and_tail_have_limits() {
    let read = |head_len: usize, tail_len: usize| {
        let head = format!(r#"{{"t":"mailack"{}}}"#, " ".repeat(head_len - 15));
        assert_eq!(head.len(), head_len);
        Packet::decode(&packet(&head, &vec![0; tail_len])).is_ok()
    };
    assert!(read(HEAD_BYTES_MAX, TAIL_BYTES_MAX));
    assert!(!read(HEAD_BYTES_MAX + 1, TAIL_BYTES_MAX));
    assert!(!read(HEAD_BYTES_MAX, TAIL_BYTES_MAX + 1));
}

#[test]
fn the_longest_head_of_ours_fits() {
    let text = "\"".repeat(REFUSAL_TEXT_BYTES_MAX).into();
    let word: Box<str> = "x".repeat(32).into();
    let code = RefusalCode::Other(word.clone());
    let after_ms = Some((1 << 53) - 1);
    let head = Head::Refused {
        id: Some(ID),
        re: word,
        code,
        text,
        after_ms,
    };
    let packet = Packet {
        head,
        tail: Vec::new(),
    };
    assert_eq!(Packet::decode(&packet.encode()), Ok(packet));
}

#[test]
fn a_clock_before_1970_travels_as_1970() {
    let stored = |at_ms| Head::Stored {
        id: ID,
        at_ms,
        state: StoredState::Waiting,
        online: true,
    };
    let packet = Packet {
        head: stored(-1),
        tail: Vec::new(),
    };
    assert_eq!(
        Packet::decode(&packet.encode()).map(|packet| packet.head),
        Ok(stored(0))
    );
}

#[test]
fn tails_of_names_and_ids_are_read_as_they_were_written() {
    assert_eq!(names_tail(["bob", "tea"]), b"bob\ntea\n");
    assert_eq!(
        names_of_tail(b"bob\ntea\n"),
        Some(vec!["bob".into(), "tea".into()])
    );
    assert_eq!(names_of_tail(b"bob\ntea"), names_of_tail(b"bob\ntea\n"));
    assert_eq!(names_of_tail(b""), Some(Vec::new()));
    assert_eq!(names_of_tail(b"bob\n\ntea\n"), None);
    assert_eq!(names_of_tail(b"bob\n\x1b[2J"), None);
    assert_eq!(names_of_tail(b"\xff"), None);
    for (length, right) in [
        (0, false),
        (1, false),
        (16, true),
        (256, true),
        (257, false),
        (272, false),
    ] {
        let read = ids_of_tail(&vec![7; length]);
        assert_eq!(read.is_some(), right, "{length}");
        if let Some(ids) = read {
            assert_eq!(ids_tail(&ids), vec![7; length]);
        }
    }
}
