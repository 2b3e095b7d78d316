# Completion of ackchat for bash: source <(ackchat completions bash)
_ackchat() {
    local value about
    COMPREPLY=()
    while IFS=$'\t' read -r value about; do
        COMPREPLY+=("$(printf '%q' "$value")")
    done < <("$1" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _ackchat ackchat
