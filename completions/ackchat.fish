# Completion of ackchat for fish: ackchat completions fish | source
function __ackchat_complete
    set -l words (commandline -opc)
    set -l found ($words[1] __complete -- $words[2..] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c ackchat -f -a '(__ackchat_complete)'
