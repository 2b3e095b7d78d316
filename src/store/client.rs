//! The client's port in SQL: outbox, seen ids, pins, rows, and the history with its search.
//!
//! Everything said stands in one table in the order in which it became durable here; the outbox,
//! what is unread and the ids that were seen are parts of it.

use super::Wake;
use super::columns::damaged;
use super::disk::{self, Kind};
use super::error::{Failure, OpenError};
use super::server::first;
use super::worker::{Engine, Handle};
use crate::client::port::{
    Done, Entry, InMessage, Loaded, Noted, Notes, OutMessage, Pin, Pinned, Recall, Recipient, Seen,
    StoreEvent, StoreReply, StoreRequest, readable, words,
};
use crate::model::limits::{
    CLIENT_RESERVE_BYTES, CLIENT_STORE_BYTES_MAX, EIDS_OF_A_LIFE, HISTORY_MESSAGES_MAX,
    RECALL_BYTES_MAX,
};
use crate::model::{Delivery, Full, MessageId, Name, PublicKey, Store, StoreTicket, Version};
use crate::wire::Row as TableRow;
use crate::wire::packet::{Audience, Stamp};
use crate::wire::row::Status;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use std::path::Path;

/// What a profile remembers, in a file.
pub struct ClientStore {
    handle: Handle<Rows>,
    notes: Notes,
}

/// The first format. Of what was typed here `sender` is empty; `talk` is a name in lower case, `#`
/// and a group, or `*`; `open` says that more may become known. A notice has no `seq`.
const FORMAT_1: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE message(
    n INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL, spelled TEXT NOT NULL,
    id BLOB NOT NULL, talk TEXT NOT NULL, talk_spelled TEXT NOT NULL, seq INT, run INT,
    claimed_at INT, at INT, auto INT NOT NULL, body BLOB NOT NULL, enc TEXT,
    state INT, open INT NOT NULL, shown INT NOT NULL, held INT NOT NULL, late INT NOT NULL,
    UNIQUE(sender, id)) STRICT;
CREATE INDEX message_talk ON message(talk, n);
CREATE INDEX message_open ON message(n) WHERE open = 1;
CREATE INDEX message_unshown ON message(n) WHERE shown = 0;
CREATE VIRTUAL TABLE found USING fts5(
    text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0');
CREATE TABLE next_seq(talk TEXT PRIMARY KEY, spelled TEXT NOT NULL, seq INT NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE top_seq(
    sender TEXT, spelled TEXT NOT NULL, talk TEXT, talk_spelled TEXT NOT NULL, run INT,
    seq INT NOT NULL, PRIMARY KEY(sender, talk, run)) STRICT, WITHOUT ROWID;
CREATE TABLE pins(
    of TEXT PRIMARY KEY, spelled TEXT NOT NULL, session_key BLOB NOT NULL, identity BLOB)
    STRICT, WITHOUT ROWID;
CREATE TABLE rows(name TEXT PRIMARY KEY, row BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

/// Events for programs that come back. Numbers begin with the time in microseconds: they go on
/// after those of a store that was thrown away.
const FORMAT_2: &str = "
CREATE TABLE event(eid INTEGER PRIMARY KEY, at INT NOT NULL, kind TEXT NOT NULL,
    fields TEXT NOT NULL) STRICT;
INSERT INTO meta(key, value)
    VALUES ('eid', unixepoch() * 1000000), ('eid_gone', unixepoch() * 1000000);
";

/// A profile's file.
pub(super) const KIND: Kind = Kind {
    application: u32::from_be_bytes(*b"akcl"),
    formats: &[FORMAT_1, FORMAT_2],
    bytes_max: CLIENT_STORE_BYTES_MAX as u64,
    reserve_bytes: CLIENT_RESERVE_BYTES,
};
/// The same, without room for anything new.
const FULL: Kind = Kind {
    bytes_max: 1,
    ..KIND
};

impl ClientStore {
    /// Opens the file, or makes one; `run` is then the random number of its outbox.
    ///
    /// # Errors
    /// It is damaged, foreign, newer, or cannot be had.
    pub fn open(path: &Path, run: u32, wake: Wake) -> Result<Self, OpenError> {
        Self::open_as(path, &KIND, run, wake)
    }

    /// Opens the file as if it held as much as it may.
    ///
    /// # Errors
    /// As for `open`.
    pub fn open_full(path: &Path, run: u32, wake: Wake) -> Result<Self, OpenError> {
        Self::open_as(path, &FULL, run, wake)
    }

    /// The events of earlier lives, once.
    pub fn take_notes(&mut self) -> Notes {
        std::mem::take(&mut self.notes)
    }

    fn open_as(path: &Path, kind: &'static Kind, run: u32, wake: Wake) -> Result<Self, OpenError> {
        let put = "INSERT OR IGNORE INTO meta(key, value)
            VALUES ('run', ?1), ('table_version', 0), ('table_store', 0)";
        let db = disk::open(path, kind, |db| {
            db.execute(put, [run])?;
            forget(db, HISTORY_MESSAGES_MAX)
        })?;
        Ok(Self {
            notes: begin_events(&db)?,
            handle: Handle::start(path, kind, db, Rows::default(), wake)?,
        })
    }
}

/// The numbers that this life may give are no later one's, even if it ends without a word.
fn begin_events(db: &Connection) -> rusqlite::Result<Notes> {
    let last: i64 = meta(db, "eid")?;
    let gone: i64 = meta(db, "eid_gone")?;
    set(db, "eid", last.saturating_add(EIDS_OF_A_LIFE))?;
    let select = "SELECT eid, at, kind, fields FROM event ORDER BY eid";
    let noted = |row: &Row<'_>| {
        Ok(Noted {
            eid: unsigned(row, 0)?,
            at_ms: row.get(1)?,
            kind: text(row, 2)?.into(),
            fields: text(row, 3)?.into(),
        })
    };
    Ok(Notes {
        last: last.cast_unsigned(),
        gone: gone.cast_unsigned(),
        events: all(db, select, [], noted)?,
    })
}

/// The oldest messages go, as far as they are over and shown.
fn forget(db: &Connection, kept: i64) -> rusqlite::Result<()> {
    let newest: i64 = db.query_row("SELECT coalesce(max(n), 0) FROM message", [], first)?;
    let over = newest.saturating_sub(kept);
    if over > 0 {
        let old = "n <= ?1 AND open = 0 AND shown = 1";
        let found = format!("DELETE FROM found WHERE rowid IN (SELECT n FROM message WHERE {old})");
        db.execute(&found, [over])?;
        db.execute(&format!("DELETE FROM message WHERE {old}"), [over])?;
    }
    Ok(())
}

impl Store for ClientStore {
    type Request = StoreRequest;
    type Event = StoreEvent;

    fn submit(
        &mut self,
        ticket: StoreTicket,
        request: StoreRequest,
    ) -> Result<(), Full<StoreRequest>> {
        self.handle.submit(ticket, request)
    }

    fn flush(&mut self) {
        self.handle.flush();
    }

    fn poll(&mut self) -> Option<StoreEvent> {
        self.handle.poll()
    }
}

/// What a transaction has to tell when it is durable.
#[derive(Default)]
struct Rows {
    has_room: bool,
    told: Vec<StoreEvent>,
}

impl Engine for Rows {
    type Request = StoreRequest;
    type Event = StoreEvent;

    fn begin(&mut self, _: &Connection, has_room: bool) -> rusqlite::Result<()> {
        self.has_room = has_room;
        Ok(())
    }

    fn apply(
        &mut self,
        db: &Connection,
        ticket: StoreTicket,
        request: &StoreRequest,
    ) -> rusqlite::Result<()> {
        let lacks_room = !self.has_room && needs_room(request) && !is_there(db, request)?;
        let reply = if lacks_room {
            StoreReply::Refused
        } else {
            StoreReply::Done(act(db, request)?)
        };
        self.told.push(StoreEvent::Reply(ticket, reply));
        Ok(())
    }

    fn finish(&mut self, _: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn committed(&mut self, _: &Connection) -> Vec<StoreEvent> {
        std::mem::take(&mut self.told)
    }

    fn rolled_back(&mut self) {
        self.told.clear();
    }

    fn failed(
        &self,
        _: Option<&Connection>,
        ticket: StoreTicket,
        request: &StoreRequest,
        failure: Failure,
    ) -> StoreEvent {
        let waits = matches!(request, StoreRequest::Load | StoreRequest::Recall(_));
        let may_refuse = waits || needs_room(request);
        let reply = if may_refuse && failure != Failure::Unknown {
            StoreReply::Refused
        } else {
            StoreReply::Unknown
        };
        StoreEvent::Reply(ticket, reply)
    }

    fn health(_: bool) -> Option<StoreEvent> {
        None
    }

    fn is_reply(event: &StoreEvent) -> bool {
        matches!(event, StoreEvent::Reply(..))
    }
}

const fn needs_room(request: &StoreRequest) -> bool {
    matches!(
        request,
        StoreRequest::PutEvents { .. }
            | StoreRequest::PutOut(_)
            | StoreRequest::PutOutAgain(_)
            | StoreRequest::PutIn(_)
            | StoreRequest::PutPin { .. }
    )
}

/// What is there already needs no room: its repeat is done, not refused.
fn is_there(db: &Connection, request: &StoreRequest) -> rusqlite::Result<bool> {
    let (sender, id) = match request {
        StoreRequest::PutIn(message) => (message.from.to_lower(), message.id),
        StoreRequest::PutOut(message) | StoreRequest::PutOutAgain(message) => {
            (String::new(), message.id)
        }
        _ => return Ok(false),
    };
    let find = "SELECT EXISTS (SELECT 1 FROM message WHERE sender = ?1 AND id = ?2)";
    db.prepare_cached(find)?
        .query_row(params![sender, id], first)
}

/// Another message has its id.
fn is_another(db: &Connection, message: &OutMessage) -> rusqlite::Result<bool> {
    let find = "SELECT EXISTS (SELECT 1 FROM message
        WHERE sender = '' AND id = ?1 AND (talk <> ?2 OR body <> ?3))";
    let (talk, _) = talk_columns(&message.to);
    db.prepare_cached(find)?
        .query_row(params![message.id, talk, message.text.as_bytes()], first)
}

fn act(db: &Connection, request: &StoreRequest) -> rusqlite::Result<Done> {
    match request {
        StoreRequest::ApplyRows {
            store,
            reset,
            upto,
            rows,
        } => {
            if *reset {
                db.execute("DELETE FROM rows", [])?;
            }
            apply_rows(db, rows)?;
            set(db, "table_version", upto.0.cast_signed())?;
            set(db, "table_store", store.cast_signed())?;
        }
        StoreRequest::Load => return load(db).map(|loaded| Done::Loaded(Box::new(loaded))),
        StoreRequest::MarkOut {
            id,
            state,
            stored_ms,
        } => mark_out(db, *id, *state, *stored_ms)?,
        StoreRequest::MarkShown { ids } => {
            let put = "UPDATE message SET shown = 1 WHERE sender = ?1 AND id = ?2 AND shown = 0";
            let mut put = db.prepare_cached(put)?;
            for (from, id) in ids {
                put.execute(params![from.to_lower(), id])?;
            }
        }
        StoreRequest::PutEvents { gone, events } => put_events(db, *gone, events)?,
        StoreRequest::PutIn(message) => return put_in(db, message).map(Done::PutIn),
        StoreRequest::PutOut(message) => put_out(db, message)?,
        StoreRequest::PutOutAgain(message) if is_another(db, message)? => {
            return Ok(Done::IdTaken);
        }
        StoreRequest::PutOutAgain(message) => {
            put_out(db, message)?;
            reopen_out(db, message)?;
        }
        StoreRequest::PutPin { of, pin } => {
            let put = "INSERT OR REPLACE INTO pins(of, spelled, session_key, identity)
                VALUES (?1, ?2, ?3, ?4)";
            let (key, spelled) = pinned_columns(of);
            db.prepare_cached(put)?.execute(params![
                key,
                spelled,
                pin.session_key,
                pin.identity
            ])?;
        }
        StoreRequest::Recall(recall) => return self::recall(db, recall).map(Done::Recalled),
    }
    Ok(Done::Kept)
}

fn apply_rows(db: &Connection, rows: &[TableRow]) -> rusqlite::Result<()> {
    for row in rows {
        let name = row.name.to_lower();
        if row.status == Status::Released {
            db.prepare_cached("DELETE FROM rows WHERE name = ?1")?
                .execute([name])?;
        } else {
            let mut bytes = Vec::new();
            row.encode(&mut bytes);
            db.prepare_cached("INSERT OR REPLACE INTO rows(name, row) VALUES (?1, ?2)")?
                .execute(params![name, bytes])?;
        }
    }
    Ok(())
}

/// The outbox.
fn put_out(db: &Connection, message: &OutMessage) -> rusqlite::Result<()> {
    let (talk, spelled) = talk_columns(&message.to);
    let put = "INSERT OR IGNORE INTO message(sender, spelled, id, talk, talk_spelled, seq, run,
            claimed_at, at, auto, body, state, open, shown, held, late)
        VALUES ('', '', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1, 0, 0)";
    let put = db.prepare_cached(put)?.execute(params![
        message.id,
        talk,
        spelled,
        message.stamp.seq.cast_signed(),
        message.stamp.run,
        message.stamp.at_ms,
        message.stored_ms,
        message.auto,
        message.text.as_bytes(),
        state_column(message.state),
        is_open(&message.to, message.state),
    ])?;
    if put == 0 {
        return Ok(());
    }
    find_later(db, db.last_insert_rowid(), &message.text)?;
    count_seq(db, message)
}

/// What was given up is open again, under a new number.
fn reopen_out(db: &Connection, message: &OutMessage) -> rusqlite::Result<()> {
    let put = "UPDATE message SET seq = ?2, run = ?3, claimed_at = ?4, at = NULL, auto = ?5,
            state = ?6, open = 1
        WHERE sender = '' AND id = ?1 AND state IN (?7, ?8)";
    let put = db.prepare_cached(put)?.execute(params![
        message.id,
        message.stamp.seq.cast_signed(),
        message.stamp.run,
        message.stamp.at_ms,
        message.auto,
        state_column(message.state),
        state_column(Delivery::Failed),
        state_column(Delivery::Expired),
    ])?;
    if put == 0 {
        return Ok(());
    }
    count_seq(db, message)
}

/// The next message to the same has a later number.
fn count_seq(db: &Connection, message: &OutMessage) -> rusqlite::Result<()> {
    let (talk, spelled) = talk_columns(&message.to);
    let next = "INSERT INTO next_seq(talk, spelled, seq) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)";
    let seq = message.stamp.seq.saturating_add(1).cast_signed();
    db.prepare_cached(next)?
        .execute(params![talk, spelled, seq])?;
    Ok(())
}

fn mark_out(
    db: &Connection,
    id: MessageId,
    state: Delivery,
    stored_ms: Option<i64>,
) -> rusqlite::Result<()> {
    let find = "SELECT n, state, talk_spelled FROM message WHERE sender = '' AND id = ?1";
    let columns = |row: &Row<'_>| {
        let known = state_of(row.get(1)?)?;
        Ok((row.get::<_, i64>(0)?, known, recipient(text(row, 2)?)?))
    };
    let found = db
        .prepare_cached(find)?
        .query_row([id], columns)
        .optional()?;
    if let Some((n, known, to)) = found {
        let state = known.max(state);
        let put = "UPDATE message SET state = ?2, at = coalesce(at, ?3), open = ?4 WHERE n = ?1";
        let open = is_open(&to, state);
        db.prepare_cached(put)?
            .execute(params![n, state_column(state), stored_ms, open])?;
    }
    Ok(())
}

/// More may become known of it; nobody promises receipts for what went to many.
fn is_open(to: &Recipient, state: Delivery) -> bool {
    let to_many = matches!(to, Recipient::Audience(_));
    !(state.is_final() || to_many && state == Delivery::Stored)
}

/// What arrives.
fn put_in(db: &Connection, message: &InMessage) -> rusqlite::Result<Seen> {
    let sender = message.from.to_lower();
    let find = "SELECT n, shown FROM message WHERE sender = ?1 AND id = ?2";
    let known: Option<(i64, bool)> = db
        .prepare_cached(find)?
        .query_row(params![sender, message.id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((n, shown)) = known {
        if !message.held {
            let lift = "UPDATE message SET held = 0 WHERE n = ?1 AND held = 1";
            db.prepare_cached(lift)?.execute([n])?;
        }
        return Ok(if shown { Seen::Repeat } else { Seen::Unshown });
    }
    let (talk, talk_spelled) = match &message.audience {
        Some(audience) => talk_columns(&Recipient::Audience(audience.clone())),
        None => talk_columns(&Recipient::Name(message.from.clone())),
    };
    let stamp = message.stamp;
    let put = "INSERT INTO message(sender, spelled, id, talk, talk_spelled, seq, run, claimed_at,
            at, auto, body, enc, open, shown, held, late)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, ?13, ?14, ?15)";
    let n = db.prepare_cached(put)?.insert(params![
        sender,
        message.from.as_str(),
        message.id,
        // A receipt is of no conversation; which it was about stands beside it.
        if stamp.is_some() { &talk } else { "" },
        talk_spelled,
        stamp.map(|stamp| stamp.seq.cast_signed()),
        stamp.map(|stamp| stamp.run),
        stamp.map(|stamp| stamp.at_ms),
        message.at_ms,
        message.auto,
        message.body,
        message.enc,
        message.shown,
        message.held,
        message.late,
    ])?;
    if let Some(stamp) = stamp {
        let text = readable(&message.body, message.enc.as_deref());
        find_later(db, n, &text)?;
        let top = "INSERT INTO top_seq(sender, spelled, talk, talk_spelled, run, seq)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)";
        let spelled = message.from.as_str();
        let seq = stamp.seq.cast_signed();
        db.prepare_cached(top)?.execute(params![
            sender,
            spelled,
            talk,
            talk_spelled,
            stamp.run,
            seq
        ])?;
    }
    Ok(Seen::Fresh)
}

fn put_events(db: &Connection, gone: u64, events: &[Noted]) -> rusqlite::Result<()> {
    let put = "INSERT OR IGNORE INTO event(eid, at, kind, fields) VALUES (?1, ?2, ?3, ?4)";
    let mut put = db.prepare_cached(put)?;
    for event in events {
        let eid = event.eid.cast_signed();
        put.execute(params![eid, event.at_ms, event.kind, event.fields])?;
    }
    let gone = gone.cast_signed();
    db.prepare_cached("DELETE FROM event WHERE eid <= ?1")?
        .execute([gone])?;
    set(db, "eid_gone", gone)
}

fn find_later(db: &Connection, n: i64, text: &str) -> rusqlite::Result<()> {
    let put = "INSERT INTO found(rowid, text) VALUES (?1, ?2)";
    db.prepare_cached(put)?.execute(params![n, text])?;
    Ok(())
}

/// What a new life begins with.
fn load(db: &Connection) -> rusqlite::Result<Loaded> {
    let select = |part: &str| format!("SELECT {COLUMNS} FROM message WHERE {part} ORDER BY n");
    let rows: Vec<Vec<u8>> = all(db, "SELECT row FROM rows ORDER BY name", [], first)?;
    let rows = TableRow::decode_all(&rows.concat()).map_err(|_| damaged("no row"))?;
    let version: i64 = meta(db, "table_version")?;
    let store: i64 = meta(db, "table_store")?;
    Ok(Loaded {
        run: meta(db, "run")?,
        outbox: all(db, &select("open = 1"), [], out_message)?,
        next_seq: all(
            db,
            "SELECT spelled, seq FROM next_seq ORDER BY talk",
            [],
            |row| Ok((recipient(text(row, 0)?)?, unsigned(row, 1)?)),
        )?,
        unshown: all(db, &select("shown = 0"), [], in_message)?,
        shown_seq: all(
            db,
            "SELECT spelled, talk_spelled, run, seq FROM top_seq ORDER BY sender, talk, run",
            [],
            |row| {
                Ok((
                    row.get(0)?,
                    audience(text(row, 1)?)?,
                    row.get(2)?,
                    unsigned(row, 3)?,
                ))
            },
        )?,
        pins: all(
            db,
            "SELECT spelled, session_key, identity FROM pins ORDER BY of",
            [],
            pin,
        )?,
        table: rows,
        table_version: Version(version.cast_unsigned()),
        table_store: store.cast_unsigned(),
    })
}

const COLUMNS: &str = "id, spelled, talk_spelled, seq, run, claimed_at, at, auto, body, enc,
    state, shown, held, late, talk";

fn out_message(row: &Row<'_>) -> rusqlite::Result<OutMessage> {
    Ok(OutMessage {
        id: row.get(0)?,
        to: recipient(text(row, 2)?)?,
        stamp: stamp(row)?.ok_or_else(|| damaged("no stamp"))?,
        auto: row.get(7)?,
        text: readable(&row.get::<_, Vec<u8>>(8)?, None),
        state: state_of(row.get(10)?)?,
        stored_ms: row.get(6)?,
    })
}

fn in_message(row: &Row<'_>) -> rusqlite::Result<InMessage> {
    Ok(InMessage {
        id: row.get(0)?,
        from: row.get(1)?,
        audience: audience(text(row, 2)?)?,
        stamp: stamp(row)?,
        at_ms: row.get(6)?,
        auto: row.get(7)?,
        body: row.get::<_, Vec<u8>>(8)?.into(),
        enc: row.get::<_, Option<String>>(9)?.map(Into::into),
        shown: row.get(11)?,
        held: row.get(12)?,
        late: row.get(13)?,
    })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let spelled: String = row.get(1)?;
    let from: Option<Name> = if spelled.is_empty() {
        None
    } else {
        Some(row.get(1)?)
    };
    let at_ms: Option<i64> = row.get(6)?;
    let claimed: Option<i64> = row.get(5)?;
    let state: Option<i64> = row.get(10)?;
    Ok(Entry {
        id: row.get(0)?,
        from,
        talk: recipient(text(row, 2)?)?,
        at_ms: at_ms.or(claimed).unwrap_or_default(),
        auto: row.get(7)?,
        text: readable(
            &row.get::<_, Vec<u8>>(8)?,
            row.get::<_, Option<String>>(9)?.as_deref(),
        ),
        state: state.map(state_of).transpose()?,
    })
}

fn stamp(row: &Row<'_>) -> rusqlite::Result<Option<Stamp>> {
    let Some(seq) = row.get::<_, Option<i64>>(3)? else {
        return Ok(None);
    };
    Ok(Some(Stamp {
        seq: seq.cast_unsigned(),
        run: row.get(4)?,
        at_ms: row.get(5)?,
    }))
}

fn pin(row: &Row<'_>) -> rusqlite::Result<(Pinned, Pin)> {
    let of: String = row.get(0)?;
    let of = match of.strip_prefix('@') {
        Some(address) => address.parse().ok().map(Pinned::Server),
        None => of.parse().ok().map(Pinned::Name),
    };
    let session_key: PublicKey = row.get(1)?;
    let pin = Pin {
        session_key,
        identity: row.get(2)?,
    };
    Ok((of.ok_or_else(|| damaged("no owner of a key"))?, pin))
}

/// What was said before.
fn recall(db: &Connection, recall: &Recall) -> rusqlite::Result<Vec<Entry>> {
    let newest = |part: &str| {
        format!(
            "SELECT {COLUMNS} FROM message WHERE {part} AND talk <> '' ORDER BY n DESC LIMIT ?1"
        )
    };
    let rows = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let mut entries = match recall {
        Recall::History { talk: None, count } => up_to(db, &newest("1"), [rows(*count)])?,
        Recall::History {
            talk: Some(talk),
            count,
        } => {
            let (talk, _) = talk_columns(talk);
            up_to(db, &newest("talk = ?2"), params![rows(*count), talk])?
        }
        Recall::Outbox => up_to(db, &newest("open = 1"), [i64::MAX])?,
        Recall::Search { words, count } => match query(words) {
            Some(query) => {
                let found = "n IN (SELECT rowid FROM found WHERE found MATCH ?2)";
                up_to(db, &newest(found), params![rows(*count), query])?
            }
            None => Vec::new(),
        },
        Recall::Unread => up_to(db, &newest("shown = 0"), [i64::MAX])?,
    };
    entries.reverse();
    Ok(entries)
}

/// The words of a search as FTS5 wants them: each a phrase, the last of its words unfinished.
fn query(asked: &str) -> Option<String> {
    let phrase = |word: &str| {
        let words: Vec<String> = words(word).collect();
        (!words.is_empty()).then(|| format!("\"{}\"*", words.join(" ")))
    };
    let phrases: Vec<String> = asked.split_whitespace().filter_map(phrase).collect();
    (!phrases.is_empty()).then(|| phrases.join(" "))
}

fn up_to(db: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let entry = entry(row)?;
        bytes += entry.text.len();
        if bytes > RECALL_BYTES_MAX {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare_cached(sql)?.query_map(params, read)?.collect()
}

fn meta<T: rusqlite::types::FromSql>(db: &Connection, key: &str) -> rusqlite::Result<T> {
    db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], first)
}

fn set(db: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE meta SET value = ?2 WHERE key = ?1")?
        .execute(params![key, value])?;
    Ok(())
}

fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    Ok(row.get_ref(column)?.as_str()?)
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
}

/// The key of a conversation, and how it was spelled.
fn talk_columns(talk: &Recipient) -> (String, String) {
    let spelled = match talk {
        Recipient::Audience(Audience::Everybody) => "*".to_owned(),
        Recipient::Audience(Audience::Group(group)) => format!("#{group}"),
        Recipient::Name(name) => name.to_string(),
    };
    (spelled.to_ascii_lowercase(), spelled)
}

fn recipient(spelled: &str) -> rusqlite::Result<Recipient> {
    match audience(spelled)? {
        Some(audience) => Ok(Recipient::Audience(audience)),
        None => spelled
            .parse()
            .map(Recipient::Name)
            .map_err(|_| damaged("no recipient")),
    }
}

/// None: it was for one person.
fn audience(spelled: &str) -> rusqlite::Result<Option<Audience>> {
    if spelled == "*" {
        return Ok(Some(Audience::Everybody));
    }
    let group = spelled.strip_prefix('#').map(str::parse).transpose();
    Ok(group.map_err(|_| damaged("no group"))?.map(Audience::Group))
}

fn pinned_columns(of: &Pinned) -> (String, String) {
    let spelled = match of {
        Pinned::Name(name) => name.to_string(),
        Pinned::Server(address) => format!("@{address}"),
    };
    (spelled.to_ascii_lowercase(), spelled)
}

const STATES: [Delivery; 7] = [
    Delivery::Queued,
    Delivery::Sent,
    Delivery::Stored,
    Delivery::Acked,
    Delivery::Delivered,
    Delivery::Failed,
    Delivery::Expired,
];

fn state_column(state: Delivery) -> usize {
    let place = STATES.iter().position(|known| *known == state);
    place.expect("all states are listed")
}

fn state_of(column: i64) -> rusqlite::Result<Delivery> {
    let index = usize::try_from(column).ok();
    let state = index.and_then(|index| STATES.get(index).copied());
    state.ok_or_else(|| damaged("no state"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    fn arrived(id: u128, text: &str) -> StoreRequest {
        StoreRequest::PutIn(InMessage {
            id: MessageId(id),
            from: "bob".parse().unwrap(),
            audience: None,
            stamp: Some(Stamp {
                seq: 1,
                run: 1,
                at_ms: 1,
            }),
            at_ms: 1,
            auto: false,
            body: text.as_bytes().into(),
            enc: None,
            shown: id != 2,
            held: false,
            late: false,
        })
    }

    fn texts(db: &Connection, recall: &Recall) -> Vec<String> {
        let entries = super::recall(db, recall).unwrap();
        entries.into_iter().map(|entry| entry.text.into()).collect()
    }

    #[test]
    fn of_a_long_history_the_oldest_are_forgotten_unless_somebody_waits_for_them() {
        let directory = tempfile::tempdir().unwrap();
        let db = disk::open(&directory.path().join("client.db"), &KIND, |_| Ok(())).unwrap();
        for id in 1..=5 {
            act(&db, &arrived(id, &format!("word{id} all"))).unwrap();
        }
        let history = Recall::History {
            talk: None,
            count: 9,
        };
        forget(&db, 5).unwrap();
        assert_eq!(texts(&db, &history).len(), 5);
        forget(&db, 2).unwrap();
        let kept = ["word2 all", "word4 all", "word5 all"];
        assert_eq!(texts(&db, &history), kept);
        let search = |words: &str| Recall::Search {
            words: words.into(),
            count: 9,
        };
        assert_eq!(texts(&db, &search("all")), kept);
        assert!(texts(&db, &search("word1")).is_empty());
        assert_eq!(disk::examine(&db, "integrity_check").unwrap(), "ok");
    }

    #[test]
    fn a_store_of_the_first_format_keeps_what_was_said() {
        const FIRST: Kind = Kind {
            formats: &[FORMAT_1],
            ..KIND
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("client.db");
        let db = disk::open(&path, &FIRST, |_| Ok(())).unwrap();
        let message = OutMessage {
            id: MessageId(1),
            to: Recipient::Name("bob".parse().unwrap()),
            stamp: Stamp {
                seq: 1,
                run: 7,
                at_ms: 1,
            },
            auto: false,
            text: "hi".into(),
            state: Delivery::Sent,
            stored_ms: None,
        };
        put_out(&db, &message).unwrap();
        disk::close(db, &FIRST);
        let (wake, woken) = channel();
        let wake = Box::new(move || wake.send(()).unwrap_or_default());
        let mut store = ClientStore::open(&path, 7, wake).unwrap();
        assert_eq!(store.take_notes().events, []);
        store.submit(StoreTicket(1), StoreRequest::Load).unwrap();
        store.flush();
        let told = loop {
            woken.recv_timeout(Duration::from_mins(1)).unwrap();
            if let Some(told) = store.poll() {
                break told;
            }
        };
        let StoreEvent::Reply(_, StoreReply::Done(Done::Loaded(loaded))) = told else {
            panic!("{told:?}");
        };
        assert_eq!(loaded.outbox, [message]);
    }
}
