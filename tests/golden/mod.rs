//! The bytes of the wire as protocol.md draws them, kept for ever; the corpus of the fuzz test.

/// Hexadecimal digits and blanks, as bytes.
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.as_chunks::<2>().0;
    let text = |pair: &[u8; 2]| str::from_utf8(pair).map(|text| u8::from_str_radix(text, 16));
    pairs
        .iter()
        .map(|pair| text(pair).expect("ASCII").expect("two digits"))
        .collect()
}

/// Head and tail as a packet.
pub(super) fn packet(head: &str, tail: &[u8]) -> Vec<u8> {
    let length = u16::try_from(head.len()).expect("a head is short");
    [&length.to_le_bytes(), head.as_bytes(), tail].concat()
}

/// The datagrams of protocol section 3.9, then the kinds that it does not show.
pub(super) const DATAGRAMS: [&str; 8] = [
    "c1010000 44332211
     79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a85a01e5e73235e5413767843f6f4
     0d89ee462ec54f9a3b8efca5eb6014c060508f56ebb12fad9592e1024cefaf54b0d6c32f4242923696535716c9a7
     a437479480fd6fa763bd7445f43e523bafe66b3ae968a25cf6a417d21856d5b0646ac079b1a93861b5cc5af03270
     cc19605e30a18fde28a1ae4278dfdf1b7d4611abfda0e534a5974a27454f2de0c5e936c6260bac6ff9d1fe7d8452
     a068995e4cd3bc90f1d97b09f04cd02579e7b74ccab3efff3cf3539da53ef992
     70d73d2d58a44b76fa85fd2bd483c93c 00000000000000000000000000000000",
    "c2010000 44332211
     675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f2028e9df352e7c69d8b14dc3c43c
     da7aa110766ba93a3b973315c4c4807cf0bf8dc3176aed1756c96f4e06695cf5f871
     9f9fa44ac4456d86b43e3c7d6afa92c4",
    "c3010000 44332211 a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7
     b2b9ddae51ddc6f162562192be9de08c1c496114faea3dfb1db81ae4409e7c69",
    "c4000000 88776655 0000000000000000
     fd96d6c539f0d06f2cde1869c9272617cd8d6ecd0cbf521ce105b8536a259120a75f590d2c66005860aa5530f6ae
     8d7c789ac68eae2e85de88ec86633b06c09f844dd822e841593e5e0563fed31eb1194abc2d65828ce5446d3b1d20
     357388ff5b7204283cc97adec0246548b3e45bc64ffb537fd963b7205d0000560d1c065fc111e6c2a3a7e3a34801
     b4b9",
    "c5010000 88776655 638fe9b579b0322d671f76e810f6c81e",
    "c6010000 000102030405060708090a0b0c0d0e0f
     0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
     0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
     0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
     0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
     0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
     00000000000000000000000000000000",
    "c7010000 000102030405060708090a0b0c0d0e0f
     a7fe6a6cc8d7eb84564731c85cb0a00b05c29b711c22719eef8c5b67a2b5f717
     4d68f3f225001ce1f625f15033c8442c45a1b579acd70685ef4f841431fa0390",
    "c8010200 44332211",
];

/// One frame of every type; the ACK is that of protocol section 6.1.
pub(super) const FRAMES: [&str; 8] = [
    "00",
    "01 0a00000000000000 0300 0b000000000000000000000000000000",
    "02",
    "03 07000000 01 02 0300 616263",
    "04 0001020304050607",
    "05 0706050403020100",
    "06 0200 05 68616c6c6f",
    "08 0400 0200 7b7d",
];

/// The card of protocol section 3.9: the client's, for `alice`.
pub(super) const CARD: &str = "01 00
     063bb304740afaa0efb06037c97bc23e92f50c930c3de3849eb7a06934e86abd
     1f12b4e57e3b7fa120133f66d1bea12f3b77dc6d310999735495ecb92a1fbc3d
     00000000 8081eca29a010000 0000 05616c696365
     bba3b5802cedbdd98bca7c9405600a21fba215574691cb774a0985d0b816d5f0
     59d93a6b6a367cb1cc387556184a82627627801a16750e914fd8677a5ad2730b";

/// The row of protocol section 7, one that is away and without address, one with IPv6.
pub(super) const ROWS: [&str; 3] = [
    "8300000000000000 01 05616c696365
     1f12b4e57e3b7fa120133f66d1bea12f3b77dc6d310999735495ecb92a1fbc3d 04 c0000207 591b 00",
    "8400000000000000 02 03426f62
     a7fe6a6cc8d7eb84564731c85cb0a00b05c29b711c22719eef8c5b67a2b5f717 00 00",
    "ffffffffffffffff 80 0137
     0000000000000000000000000000000000000000000000000000000000000000
     06 20010db8000000000000000000000001 ffff 00",
];

/// The packet of protocol section 5.1, byte for byte.
pub(super) const PACKET: &str = "6a00
     7b2274223a226d7367222c226964223a22303030313032303330343035303630373038303930613062306330643065
     3066222c22746f223a22626f62222c22736571223a372c2272756e223a223966336131316332222c226174223a3137
     36333637303030303132337d
     68c3a96c6c6f0a";

/// One packet of every type and kind: the head as it travels, and the tail.
pub(super) const PACKETS: [(&str, &[u8]); 31] = [
    (
        r#"{"t":"ack","id":"000102030405060708090a0b0c0d0e0f"}"#,
        b"",
    ),
    (r#"{"t":"card","name":"alice"}"#, b"card"),
    (
        r#"{"t":"dereg","id":"000102030405060708090a0b0c0d0e0f"}"#,
        b"",
    ),
    (
        r#"{"t":"dereg","id":"000102030405060708090a0b0c0d0e0f","final":true}"#,
        b"",
    ),
    (
        r#"{"t":"done","id":"000102030405060708090a0b0c0d0e0f","was":true}"#,
        b"",
    ),
    (
        r#"{"t":"group","id":"000102030405060708090a0b0c0d0e0f","op":"join","group":"tea"}"#,
        b"",
    ),
    (
        r#"{"t":"gack","id":"000102030405060708090a0b0c0d0e0f","at":1763670000200,"to":3}"#,
        b"bob\ncarol\n",
    ),
    (
        r#"{"t":"gmsg","id":"000102030405060708090a0b0c0d0e0f","group":"*","seq":1,"run":"9f3a11c2","at":1763670000123}"#,
        b"all",
    ),
    (
        r#"{"t":"gmsg","id":"000102030405060708090a0b0c0d0e0f","group":"tea","seq":2,"run":"00000001","at":0,"auto":true,"enc":"g1"}"#,
        b"\x00\xff",
    ),
    (
        r#"{"t":"list","id":"000102030405060708090a0b0c0d0e0f","of":"groups"}"#,
        b"",
    ),
    (
        r#"{"t":"list","id":"000102030405060708090a0b0c0d0e0f","of":"members","group":"tea","after":"bob"}"#,
        b"",
    ),
    (
        r#"{"t":"lookup","id":"000102030405060708090a0b0c0d0e0f","name":"bob"}"#,
        b"",
    ),
    (
        r#"{"t":"lookup","id":"000102030405060708090a0b0c0d0e0f","key":"1f12b4e57e3b7fa120133f66d1bea12f3b77dc6d310999735495ecb92a1fbc3d"}"#,
        b"",
    ),
    (
        r#"{"t":"mail","kind":"direct","id":"000102030405060708090a0b0c0d0e0f","from":"alice","seq":7,"run":"9f3a11c2","sent":1763670000123,"at":1763670000200,"off":true,"auto":true,"enc":"e1"}"#,
        b"hi",
    ),
    (
        r#"{"t":"mail","kind":"expired","id":"0274192ee439f30d060f7e771641140b","from":"bob","of":"000102030405060708090a0b0c0d0e0f","at":1766262000200}"#,
        b"",
    ),
    (
        r#"{"t":"mail","kind":"group","id":"000102030405060708090a0b0c0d0e0f","from":"alice","group":"tea","seq":7,"run":"9f3a11c2","sent":1763670000123,"at":1763670000200}"#,
        b"tea?",
    ),
    (
        r#"{"t":"mail","kind":"receipt","id":"54d00b5b659f4013009e3de8b8d12127","from":"bob","of":"000102030405060708090a0b0c0d0e0f","at":1763670009000,"stored":1763670000200}"#,
        b"",
    ),
    (r#"{"t":"mailack"}"#, &[7; 32]),
    (
        r#"{"t":"msg","id":"000102030405060708090a0b0c0d0e0f","to":"bob","seq":7,"run":"9f3a11c2","at":1763670000123}"#,
        b"h\xc3\xa9llo\n",
    ),
    (
        r#"{"t":"names","id":"000102030405060708090a0b0c0d0e0f","more":false}"#,
        b"tea\n",
    ),
    (
        r#"{"t":"refused","id":"000102030405060708090a0b0c0d0e0f","re":"store","code":"pair-full","text":"say \"less\"","after":5000}"#,
        b"",
    ),
    (
        r#"{"t":"refused","re":"relay","code":"sleepy","text":""}"#,
        b"",
    ),
    (
        r#"{"t":"register","id":"000102030405060708090a0b0c0d0e0f","name":"alice","app":"ackchat 0.1.0","store":"00000000deadbeef","table":131}"#,
        b"card",
    ),
    (
        r#"{"t":"registered","id":"000102030405060708090a0b0c0d0e0f","name":"alice","you":"192.0.2.7:7001","at":1763670000200,"store":"00000000deadbeef","table":131,"mail":2,"back":true,"group":"tea"}"#,
        b"card",
    ),
    (r#"{"t":"relay","to":"bob"}"#, b"\xc4 datagram"),
    (r#"{"t":"relayed","from":"alice"}"#, b"\xc4 datagram"),
    (
        r#"{"t":"row","id":"000102030405060708090a0b0c0d0e0f"}"#,
        b"row",
    ),
    (
        r#"{"t":"store","id":"000102030405060708090a0b0c0d0e0f","to":"bob","seq":7,"run":"9f3a11c2","at":1763670000123,"live":true}"#,
        b"hi",
    ),
    (
        r#"{"t":"stored","id":"000102030405060708090a0b0c0d0e0f","at":1763670000200,"state":"taken","online":false}"#,
        b"",
    ),
    (r#"{"t":"sync","from":9007199254740991}"#, b""),
    (
        r#"{"t":"table","from":130,"to":131,"head":131,"digest":"752f3bff99c32958","reset":true}"#,
        b"rows",
    ),
];
