//! The table of contents of all commands; each stands in a file of its own name.

#![expect(
    clippy::unnecessary_wraps,
    reason = "one shape for all: those that cannot refuse look like those that can"
)]

use super::command::Command;

macro_rules! commands {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+

        /// All commands, in the order in which documents list them.
        pub(super) fn all() -> Vec<Command> {
            vec![$($name::command()),+]
        }
    };
}

commands![
    send,
    send_all,
    cancel,
    outbox,
    open,
    close,
    edit,
    list_groups,
    create_group,
    join_group,
    send_group,
    list_members,
    leave_group,
    history,
    grep,
    unread,
    export,
    table,
    dereg,
    reg,
    verify,
    trust,
    record,
    hook,
    plugin,
    clear,
    help,
    set,
    session,
    stats,
    version,
    exit,
];
