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
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l show-table -d 'Print the table after each notice of its change'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l plain -d 'No prompt, no colour, no control code, whatever the terminal can'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -l keep-going -d 'When input is no terminal: a refused or failed line does not end the program'
complete -c ackchat -n "__fish_ackchat_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l port -d 'The server\'s port' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l profile -d 'Whose part of config.toml holds; else that of NAME' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l server-key -d 'The server\'s fingerprint, 30 digits; else the first key seen is remembered' -r
complete -c ackchat -n "__fish_ackchat_using_subcommand host" -l group-private -d 'Whether private messages are sent and shown while in a group' -r -f -a "allow\t''
refuse\t''"
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
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "backup" -d 'Copy the server\'s store, or a profile\'s, into a new file; also while it is used'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "config" -d 'What config.toml says, and whether it is right'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "demo" -d 'Try it alone: a server on this machine, a friend who answers, and the shell'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "host" -d 'Be the server and chat as NAME, in one program'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "join" -d 'Log in as NAME and chat'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "merge" -d 'Make one test of the recordings of several people, for standard output'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "replay" -d 'Type one person\'s lines of a .chat script at a server; judge nothing'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "run" -d 'Run .chat scripts: conversations written down, with what is to be seen'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "serve" -d 'Be the server: names, groups, and the mail of absent people'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and not __fish_seen_subcommand_from backup config demo host join merge replay run serve help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Tell what is wrong, with line and caret'
complete -c ackchat -n "__fish_ackchat_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Every setting and its value'
