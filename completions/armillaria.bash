# SPDX-License-Identifier: Apache-2.0
#
# bash completion for armillaria. tests/e2e/test_completion.py holds its words to
# `armillaria --help`. It needs nothing but bash, and says nothing on the command line.

# What the repository that the words typed so far name has of a kind ($1: the verb that lists it,
# $2: the field), one a line: plain names only, since others would have to be quoted twice, for SQL
# and for the shell.
_armillaria_list() {
    local -a where=()
    local i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i + 1]//[\"\'\\]/} # as quoted as people quote folders
        case ${COMP_WORDS[i]} in
            -C) where+=(-C "${word/#\~\//$HOME/}") ;;
            -C?*) where+=("${COMP_WORDS[i]}") ;;
            --branch) where+=(--branch "$word") ;;
        esac
    done
    "${COMP_WORDS[0]/#\~\//$HOME/}" "${where[@]}" $1 --json 2>/dev/null </dev/null |
        sed -n 's/^[[ ]*{"'"$2"'":"\([^][" \\(){}$`'\''&;|<>*?!]*\)".*/\1/p'
}

_armillaria_tables() { _armillaria_list tables table; }
_armillaria_branches() { _armillaria_list branch name; }
_armillaria_tags() { _armillaria_list tag name; }
_armillaria_consumers() { _armillaria_list consumer consumer; }
_armillaria_refs() { _armillaria_branches; _armillaria_tags; }

# What an option takes: prints it, or fails where it takes nothing.
_armillaria_value() {
    case $1 in
        --mode) echo create append replace upsert ;;
        --format)
            case $2 in
                sql) echo table csv json jsonl markdown parquet arrow ;;
                *) echo parquet csv json arrow ;;
            esac
            ;;
        --table | --tables) _armillaria_tables ;;
        --consumer) _armillaria_consumers ;;
        --at | --from | --since | --until) _armillaria_refs ;;
        --branch | --into) _armillaria_branches ;;
        --strategy) echo fail ours theirs ;;
        -c | -m | --message | --null | --key | --grace | --keep-days | --description | -n) ;;
        *) return 1 ;;
    esac
}

_armillaria_options() {
    echo -C --branch --json -q --quiet --no-color -h --help --version
    case $1 in
        import) echo --key --mode --format -m --message --null ;;
        export) echo --at ;;
        sql) echo -c -f --at --format -o -m --message ;;
        tables) echo --at ;;
        versions) echo --all ;;
        schema) echo --at ;;
        log) echo --table -n --at --graph ;;
        diff) echo --table --rows --stat --schema ;;
        merge | cherry-pick | revert) echo --into --strategy --dry-run -m --message ;;
        restore) echo --at --into --strategy --dry-run -m --message ;;
        branch) echo --from --description --only-merges ;;
        checkout) echo -b ;;
        tag) echo --description ;;
        changes) echo --since --until --tables --rows -f --follow --consumer --all -n ;;
        verify) echo --full ;;
        gc) echo --dry-run --grace --keep-days ;;
    esac
}

# Offers the words of $1 that begin with what is typed.
_armillaria_words() {
    local IFS=$' \t\n'
    COMPREPLY+=($(compgen -W "$1" -- "$cur"))
}

_armillaria_paths() {
    local IFS=$'\n'
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen "$1" -- "$cur"))
}

_armillaria() {
    local verbs='init import export sql tables versions schema log show diff branch checkout tag merge cherry-pick revert restore changes consumer stats verify recover compact gc help'
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local verb='' sub='' positional=0 i word values
    COMPREPLY=()

    # "--name=value" comes as three words.
    if [ "$cur" = = ]; then
        cur=''
    elif [ "$before" = = ]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            -C | -f | -o) ((i++)) ;;
            -?*) ! _armillaria_value "$word" "$verb" >/dev/null || ((i++)) ;;
            =) ((i++)) ;;
            *) if [ -z "$verb" ]; then
                verb=$word
            else
                ((positional++)) || sub=$word
            fi ;;
        esac
    done

    case $before in
        -C) _armillaria_paths -d && return ;;
        -f | -o) _armillaria_paths -f && return ;;
        -?*) if values=$(_armillaria_value "$before" "$verb"); then
            _armillaria_words "$values"
            return
        fi ;;
    esac
    if [[ $cur == -* ]]; then
        _armillaria_words "$(_armillaria_options "$verb")"
        return
    fi
    case $verb:$positional in
        :* | help:0) _armillaria_words "$verbs" ;;
        init:0) _armillaria_paths -d ;;
        import:0 | export:0 | versions:0 | schema:0 | compact:0 | restore:0) _armillaria_words "$(_armillaria_tables)" ;;
        import:* | export:1) _armillaria_paths -f ;;
        show:0 | diff:0 | diff:1 | merge:0 | cherry-pick:0 | revert:0) _armillaria_words "$(_armillaria_refs)" ;;
        checkout:0) _armillaria_words "$(_armillaria_branches)" ;;
        checkout:1) _armillaria_words "$(_armillaria_refs)" ;;
        branch:0) _armillaria_words 'list create delete rename describe protect unprotect' ;;
        tag:0) _armillaria_words 'list create delete' ;;
        consumer:0) _armillaria_words 'list move delete' ;;
        consumer:1) [ "$sub" = list ] || _armillaria_words "$(_armillaria_consumers)" ;;
        branch:1 | tag:1) case $sub in
            delete) _armillaria_words "$("_armillaria_${verb/branch/branche}s")" ;;
            rename | describe | protect | unprotect) _armillaria_words "$(_armillaria_branches)" ;;
        esac ;;
        tag:2) [ "$sub" != create ] || _armillaria_words "$(_armillaria_refs)" ;;
    esac
}

complete -F _armillaria armillaria
