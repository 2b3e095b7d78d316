//! The inputs of the golden bytes (protocol, section 3.9), and what takes a whole session.

use super::{Identity, Initiator, Responder, Session};
use crate::wire::datagram::Role;

pub(super) const SID_I: u32 = 0x1122_3344;
pub(super) const SID_R: u32 = 0x5566_7788;
pub(super) const CLIENT_BOOT: u64 = 0x0102_0304_0506_0708;
pub(super) const SERVER_BOOT: u64 = 0x1112_1314_1516_1718;

/// Keys of low order: 0, 1, both of order 8, p - 1, p and p + 1.
///
/// RFC 7748, section 6.1; the list of X25519 vectors of project Wycheproof.
pub(super) const LOW_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

pub(super) fn server() -> Identity {
    Identity::from_seed(count_from(0x00))
}

pub(super) fn client() -> Identity {
    Identity::from_seed(count_from(0x20))
}

/// The client's HELLO to the server.
pub(super) fn start() -> (Initiator, Vec<u8>) {
    let to = server().session_key();
    let ephemeral = count_from(0x40);
    Initiator::start(
        &client(),
        &to,
        Role::Server,
        SID_I,
        1,
        CLIENT_BOOT,
        ephemeral,
    )
    .unwrap()
}

/// The server's answer.
pub(super) fn answer(hello: &[u8]) -> Responder {
    Responder::answer(&server(), hello, SID_R, 1, SERVER_BOOT, count_from(0x60)).unwrap()
}

/// The session at the client and at the server.
pub(super) fn sessions() -> (Session, Session) {
    let (mut initiator, hello) = start();
    let heard = answer(&hello);
    let (session, _) = initiator.finish(&client(), &heard.reply).unwrap();
    (session, heard.session)
}

/// 32 bytes: the first, the first and one, and so on.
pub(super) fn count_from(first: u8) -> [u8; 32] {
    std::array::from_fn(|n| first + u8::try_from(n).unwrap())
}

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2);
    assert!(digits.remainder().is_empty());
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from_digit(n.into(), 16).unwrap();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[test]
fn data_is_the_golden_one() {
    let head = concat!(
        r#"{"t":"msg","id":"000102030405060708090a0b0c0d0e0f","to":"bob","seq":7,"#,
        r#""run":"9f3a11c2","at":1763670000123}"#
    );
    let packet = [&[0x6a, 0], head.as_bytes(), "héllo\n".as_bytes()].concat();
    assert_eq!(packet.len(), 115);
    // CHUNK, mseq 0, chunk 0 of 1, length.
    let chunk = [&[3, 0, 0, 0, 0, 0, 1, 115, 0], &packet[..]].concat();

    let (mut client, mut server) = sessions();
    let mut data = Vec::new();
    assert_eq!(client.seal(&chunk, &mut data), Some(0));
    assert_eq!(
        hex(&data),
        concat!(
            "c4000000887766550000000000000000fd96d6c539f0d06f2cde1869c9272617",
            "cd8d6ecd0cbf521ce105b8536a259120a75f590d2c66005860aa5530f6ae8d7c",
            "789ac68eae2e85de88ec86633b06c09f844dd822e841593e5e0563fed31eb119",
            "4abc2d65828ce5446d3b1d20357388ff5b7204283cc97adec0246548b3e45bc6",
            "4ffb537fd963b7205d0000560d1c065fc111e6c2a3a7e3a34801b4b9"
        )
    );
    let mut opened = Vec::new();
    server.open(0, &data[16..], &mut opened).unwrap();
    assert_eq!(opened, chunk);
}
