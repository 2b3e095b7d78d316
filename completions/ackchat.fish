# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ackchat_global_optspecs
    string join \n h/help V/version
end

function __fish_ackchat_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ackchat_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ackchat_using_subcommand
    set -l cmd (__fish_ackchat_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ackchat -n "__fish_ackchat_needs_command" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_needs_command" -s V -l version -d 'Print version'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "backup" -d 'Copy the server\'s store, or a profile\'s, into a new file; also while it is used'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "config" -d 'What config.toml says, and whether it is right'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "demo" -d 'Try it alone: a server on this machine, a friend who answers, and the shell'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "host" -d 'Be the server and chat as NAME, in one program'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "join" -d 'Log in as NAME and chat'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "merge" -d 'Make one test of the recordings of several people, for standard output'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "replay" -d 'Type one person\'s lines of a .chat script at a server; judge nothing'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "run" -d 'Run .chat scripts: conversations written down, with what is to be seen'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "serve" -d 'Be the server: names, groups, and the mail of absent people'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "send" -d 'What is asked of a message'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "send_all" -d 'What is asked of a message'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "cancel" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "outbox" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "list_groups" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "create_group" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "join_group" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "send_group" -d 'What is asked of a message'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "list_members" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "leave_group" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "history" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "grep" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "unread" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "table" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "dereg" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "reg" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "verify" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "trust" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "plugin" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "session" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "stats" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "version" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "ask" -d 'Ask NAME something and wait for the first message that comes back'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "control" -d 'Requests on standard input, replies and events on standard output'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "events" -d 'What happens, an object of JSON a line'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "notify" -d 'Run a command and tell NAME how it ended'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "pipe" -d 'Send every line of standard input as a message'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "recv" -d 'Wait for messages and write them'
complete -c ackchat -n "__fish_ackchat_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ackchat -n "__fish_ackchat_using_subcommand backup" -l profile -d 'A client\'s profile in place of the server' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand backup" -l data -d 'Where keys and stores are kept' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand backup" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and not __fish_seen_subcommand_from check show help" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "check" -d 'Tell what is wrong, with line and caret'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "show" -d 'Every setting and its value'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and __fish_seen_subcommand_from show" -l profile -d 'Whose part of the file holds' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and __fish_seen_subcommand_from show" -l origin -d 'Tell where each value comes from'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Tell what is wrong, with line and caret'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Every setting and its value'
complete -c ackchat -n "__fish_ackchat_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l profile -d 'Whose part of config.toml holds; else that of NAME' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l server-key -d 'The server\'s fingerprint, 30 digits; else the first key seen is remembered' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l group-private -d 'Whether private messages are sent and shown while in a group' -r -f -a "allow\t''
refuse\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -s e -d 'A line to enter in place of standard input; may be repeated' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l sock -d 'Where programs reach this session, in place of the profile\'s own socket' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l style -d 'Notices with or without brackets and final dot' -r -f -a "bracket\t''
plain\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l color -d 'Colours; auto asks NO_COLOR, CLICOLOR, CLICOLOR_FORCE and the terminal' -r -f -a "always\t''
auto\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l relay -d 'Whether the server may carry messages to people who cannot be reached directly' -r -f -a "off\t'Off'
on\t'On'"
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l trace -d 'Write every packet to this file, decrypted' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l stay -d 'A lost server does not end the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l exit-on-dereg -d 'dereg leaves for good and ends the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l headless -d 'Be there for programs only, until SIGTERM'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l json -d 'Write events to standard output, an object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l show-table -d 'Print the table after each notice of its change'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l plain -d 'No prompt, no colour, no control code, whatever the terminal can'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l keep-going -d 'When input is no terminal: a refused or failed line does not end the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l port -d 'The server\'s port' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l profile -d 'Whose part of config.toml holds; else that of NAME' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l server-key -d 'The server\'s fingerprint, 30 digits; else the first key seen is remembered' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l group-private -d 'Whether private messages are sent and shown while in a group' -r -f -a "allow\t''
refuse\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -s e -d 'A line to enter in place of standard input; may be repeated' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l sock -d 'Where programs reach this session, in place of the profile\'s own socket' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l style -d 'Notices with or without brackets and final dot' -r -f -a "bracket\t''
plain\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l color -d 'Colours; auto asks NO_COLOR, CLICOLOR, CLICOLOR_FORCE and the terminal' -r -f -a "always\t''
auto\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l relay -d 'Whether the server may carry messages to people who cannot be reached directly' -r -f -a "off\t'Off'
on\t'On'"
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l trace -d 'Write every packet to this file, decrypted' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l stay -d 'A lost server does not end the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l exit-on-dereg -d 'dereg leaves for good and ends the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l headless -d 'Be there for programs only, until SIGTERM'
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l json -d 'Write events to standard output, an object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l show-table -d 'Print the table after each notice of its change'
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l plain -d 'No prompt, no colour, no control code, whatever the terminal can'
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l keep-going -d 'When input is no terminal: a refused or failed line does not end the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l server -d 'Where the server is' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l port -d 'The local port; 0: any' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l profile -d 'Whose part of config.toml holds; else that of NAME' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l server-key -d 'The server\'s fingerprint, 30 digits; else the first key seen is remembered' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l group-private -d 'Whether private messages are sent and shown while in a group' -r -f -a "allow\t''
refuse\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -s e -d 'A line to enter in place of standard input; may be repeated' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l sock -d 'Where programs reach this session, in place of the profile\'s own socket' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l style -d 'Notices with or without brackets and final dot' -r -f -a "bracket\t''
plain\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l color -d 'Colours; auto asks NO_COLOR, CLICOLOR, CLICOLOR_FORCE and the terminal' -r -f -a "always\t''
auto\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l relay -d 'Whether the server may carry messages to people who cannot be reached directly' -r -f -a "off\t'Off'
on\t'On'"
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l trace -d 'Write every packet to this file, decrypted' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l stay -d 'A lost server does not end the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l exit-on-dereg -d 'dereg leaves for good and ends the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l headless -d 'Be there for programs only, until SIGTERM'
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l json -d 'Write events to standard output, an object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l show-table -d 'Print the table after each notice of its change'
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l plain -d 'No prompt, no colour, no control code, whatever the terminal can'
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -l keep-going -d 'When input is no terminal: a refused or failed line does not end the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand join" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ackchat -n "__fish_ackchat_using_subcommand merge" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand replay" -l as -d 'Whose lines are typed; else those of whoever types first' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand replay" -l profile -d 'The client that types them; else the same name' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand replay" -l pace -d 'With the pauses of the recording (real), so many times as fast (2x), or without (none)' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand replay" -l var -d 'Give a variable its value' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand replay" -l server -d 'Where the server of live files is' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand replay" -l server-key -d 'Its fingerprint, 30 digits; else the first key seen is remembered' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand replay" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand replay" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l only -d 'Only tests whose name contains this' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l var -d 'Give a variable its value' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l secret -d 'The same, and no report shows the value' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l seed -d 'The seed, in place of the files\' own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l seeds -d 'Every test under each of these seeds, until one fails' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l wall-limit -d 'How long a test may take of the time of this machine' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l drop -d 'Percent of datagrams that the simulated network loses before a script says otherwise' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l dup -d 'Percent that come twice' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l reorder -d 'Percent that others overtake' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l profile -d 'Whose client runs the files that have no server of their own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l server -d 'Where the server of live files is' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l server-key -d 'Its fingerprint, 30 digits; else the first key seen is remembered' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l diagram -d 'Write a Mermaid sequence diagram of each test: FILE, FILE-2, ..' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l trace -d 'Write every packet, decrypted, as an object of JSON a line' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l format -d 'What standard output shows' -r -f -a "human\t''
json\t''
junit\t''
tap\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l report -d 'Write a report to a file too' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l list -d 'Name the tests and run none'
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l check -d 'Say what is wrong with the files, or probably not meant, and run none'
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l real -d 'Over loopback sockets and in real time instead of simulated'
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l strict -d 'Messages that no line looked at fail a test'
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -l keep-going -d 'After a failure go on with the next line'
complete -c ackchat -n "__fish_ackchat_using_subcommand run" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l port -d 'The local port' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l bind -d 'The local address' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l relay -d 'Whether to carry messages between people who cannot reach each other' -r -f -a "off\t'Off'
on\t'On'"
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l trace -d 'Write every packet to this file, decrypted' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l check -d 'Only look for damage in the store, say what is found, and end'
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l quiet -d 'Do not tell the server\'s key to who asks'
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l log-text -d 'Write the text of group messages to the console'
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -l show-table -d 'Print the table after each change'
complete -c ackchat -n "__fish_ackchat_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l require -d 'What has to be known of the message' -r -f -a "queued\t''
stored\t''
delivered\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l timeout -d 'How long that may take, as 500ms, 10s or 5m' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand send" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l require -d 'What has to be known of the message' -r -f -a "queued\t''
stored\t''
delivered\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l timeout -d 'How long that may take, as 500ms, 10s or 5m' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand send_all" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand cancel" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand outbox" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand list_groups" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand create_group" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand join_group" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l require -d 'What has to be known of the message' -r -f -a "queued\t''
stored\t''
delivered\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l timeout -d 'How long that may take, as 500ms, 10s or 5m' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand send_group" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand list_members" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand leave_group" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand history" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand grep" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand unread" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand table" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand dereg" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand reg" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand verify" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand trust" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand plugin" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand session" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand stats" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand version" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l timeout -d 'How long to wait for the answer' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l yes-no -d 'Only yes (0) and no (1) are answers'
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand ask" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand control" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l types -d 'Only these kinds' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l since -d 'From this event on' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l last -d 'Begin with the latest so many' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand events" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l tail -d 'How many of its last lines are told if it failed' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l require -d 'What has to be known of the message' -r -f -a "queued\t''
stored\t''
delivered\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l timeout -d 'How long that may take, as 500ms, 10s or 5m' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand notify" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l to -d 'NAME or #GROUP' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l join -d 'Lines that come within this time are one message' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l prefix -d 'What each message begins with' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l max-rate -d 'Drop and count what exceeds this, as 5/s' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l drain -d 'How long to wait for the last outcomes' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l require -d 'What has to be known of each' -r -f -a "queued\t''
stored\t''
delivered\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand pipe" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l from -d 'Only of NAME' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l group -d 'Only to this group' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l match -d 'Only what this regular expression is found in' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -s n -d 'How many' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l timeout -d 'How long to wait for them' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l since -d 'After this event, also what came before' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l format -d 'As `{from}: {text}`' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l profile -d 'Whose session; else `default_profile` of config.toml' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l session -d 'Through the running session, through one of its own, or whichever there is' -r -f -a "prefer\t''
require\t''
never\t''"
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l sock -d 'The socket of the session' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l server -d 'Where the server is, for a session of its own' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l server-key -d 'Its fingerprint' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l data -d 'Keep keys and stores in this directory' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l config -d 'Another file than the user\'s config.toml' -r -F
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -s 0 -d 'The exact text, and a NUL'
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -l json -d 'An object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -s q -l quiet -d 'Say nothing but errors'
complete -c ackchat -n "__fish_ackchat_using_subcommand recv" -s h -l help -d 'Print help'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "backup" -d 'Copy the server\'s store, or a profile\'s, into a new file; also while it is used'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "config" -d 'What config.toml says, and whether it is right'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "demo" -d 'Try it alone: a server on this machine, a friend who answers, and the shell'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "host" -d 'Be the server and chat as NAME, in one program'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "join" -d 'Log in as NAME and chat'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "merge" -d 'Make one test of the recordings of several people, for standard output'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "replay" -d 'Type one person\'s lines of a .chat script at a server; judge nothing'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "run" -d 'Run .chat scripts: conversations written down, with what is to be seen'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "serve" -d 'Be the server: names, groups, and the mail of absent people'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "send" -d 'What is asked of a message'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "send_all" -d 'What is asked of a message'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "cancel" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "outbox" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "list_groups" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "create_group" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "join_group" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "send_group" -d 'What is asked of a message'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "list_members" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "leave_group" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "history" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "grep" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "unread" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "table" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "dereg" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "reg" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "verify" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "trust" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "plugin" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "session" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "stats" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "version" -d 'Whose session, and how it is reached'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "ask" -d 'Ask NAME something and wait for the first message that comes back'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "control" -d 'Requests on standard input, replies and events on standard output'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "events" -d 'What happens, an object of JSON a line'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "notify" -d 'Run a command and tell NAME how it ended'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "pipe" -d 'Send every line of standard input as a message'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "recv" -d 'Wait for messages and write them'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve send send_all cancel outbox list_groups create_group join_group send_group list_members leave_group history grep unread table dereg reg verify trust plugin session stats version ask control events notify pipe recv help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Tell what is wrong, with line and caret'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Every setting and its value'
