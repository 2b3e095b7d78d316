//! What `help` tells beside the commands.

/// A topic: its word, and its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// What stands after `help`.
    pub word: &'static str,
    /// Whole lines, without the last newline.
    pub text: &'static str,
}

/// All topics.
pub const TOPICS: [Topic; 6] = [
    Topic {
        word: "conversations",
        text: "conversations - lines that are messages
  open bob
    >>> bob: every line is now a message to bob
  open #lounge   the same with the group one is in
  /table         a command; //x says /x
  /close         ends it; so do dereg and leaving the group",
    },
    Topic {
        word: "delivery",
        text: "delivery - what is known of a message
  received    the other's program has it on disk; whether it was read is open
  saved       the server has it on disk for one who is away; a notice follows
  No ACK      the other's program did not answer at once; the server is asked
  kept        nobody is known to have it; it is tried again at next contact",
    },
    Topic {
        word: "groups",
        text: "groups - several people at once
  create_group lounge
  join_group lounge
  send_group hello, all   or: open #lounge
  leave_group
  In a group messages to single people wait until you leave it.",
    },
    Topic {
        word: "keyboard",
        text: "keyboard - keys at the prompt
  Tab              completes; twice: lists what fits
  ?                at the end: lists what may follow; in a text it is text
  Right            takes the grey text at the end
  Up, Down         older and newer lines that begin as what stands there
  Ctrl-R           searches in older lines; Ctrl-G gives up
  Ctrl-A, Ctrl-E   begin and end
  Alt-B, Alt-F     a word left, right
  Ctrl-K, Ctrl-U   cut to the end, to the begin
  Ctrl-W           cut a word
  Ctrl-Y, Alt-Y    insert what was cut, and what was cut before it
  Ctrl-_           undo
  Alt-Enter        a new row in the text; a \\ at the end does the same
  Ctrl-C           clears the line; on an empty one leaves without a word
  Ctrl-D           on an empty line: exit
  Ctrl-Z, Ctrl-L   suspends the program; clears the screen
  Several pasted lines ask what becomes of them before any of them runs.",
    },
    Topic {
        word: "keys",
        text: "keys - who somebody is
  verify bob       60 digits: compare them with bob by voice
  trust bob 05037 56379 02392 06913 53773 54517
                   accepts a changed key, after comparing
  A changed key stops every message until it is trusted. The digits of the
  server are those that it writes when it starts, and that verify shows.",
    },
    Topic {
        word: "pipes",
        text: "pipes - lines from another program
  echo 'send bob the build is green' | ackchat join ci
  The exit status tells the truth: 0 means bob or the server has it.
  --keep-going     a failed line does not end the program
  # a remark       is skipped",
    },
];

/// The topic of a word.
#[must_use]
pub fn find(word: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.word == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::Registry;

    #[test]
    fn topics_hide_no_command_and_fit_a_screen() {
        let registry = Registry::builtin();
        for topic in TOPICS {
            // An alias may be a topic, too: its command has a name.
            let mut commands = registry.commands().iter();
            assert!(!commands.any(|command| command.name == topic.word));
            assert!(topic.text.starts_with(topic.word));
            for row in topic.text.lines() {
                assert!(row.len() < 80, "{row}");
            }
        }
        assert!(TOPICS.is_sorted_by_key(|topic| topic.word));
    }
}
