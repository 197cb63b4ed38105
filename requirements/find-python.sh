# Sourced by ./llmform and ./check before there is a .venv: find_python prints the newest usable Python, or says on
# stderr what to install and returns 2.

find_python() {
    older=
    for candidate in python3.14 python3.13 python3.12 python3.11 python3; do
        # Run it rather than trust its name: version managers leave names on PATH that lead nowhere.
        found=$("$candidate" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        case $found in
            3.[0-9] | 3.10) older=" (found $found)" ;;
            3.*)
                command -v "$candidate"
                return 0
                ;;
        esac
    done
    sudo='sudo '
    [ "$(id -u 2>/dev/null)" != 0 ] || sudo=
    how='install one'
    if command -v apt-get; then
        how="install one with: ${sudo}apt-get install python3 python3-venv"
    elif command -v dnf; then
        how="install one with: ${sudo}dnf install python3.12"
    elif command -v apk; then
        how="install one with: ${sudo}apk add python3"
    elif command -v brew; then
        how='install one with: brew install python'
    fi >/dev/null
    echo "llmform: no Python 3.11 or newer on PATH$older; $how" >&2
    return 2
}
