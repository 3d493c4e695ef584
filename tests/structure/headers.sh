#!/usr/bin/env bash
# Every header compiles on its own. usage: headers.sh SOURCE_FOLDER COMPILER [FLAG...]
set -euo pipefail
source_folder=$1
shift
status=0 count=0
while IFS= read -r header; do
    count=$((count + 1))
    printf '#include "%s"\n' "${header#"$source_folder"/src/}" |
        "$@" -std=gnu11 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra -Werror -fopenmp-simd -I"$source_folder/src" \
            -x c - || { echo "$header does not compile alone"; status=1; }
done < <(find "$source_folder/src" -name '*.h' | sort)
((count > 0)) || { echo "no headers in $source_folder/src"; exit 1; }
((status == 0)) && echo "$count headers compile alone"
exit "$status"
