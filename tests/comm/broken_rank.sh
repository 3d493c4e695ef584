#!/bin/sh
# usage: broken_rank.sh MPIRUN PROGRAM
output=$("$1" --oversubscribe -np 2 timeout 60 "$2" 2>&1)
code=$?
if [ $code -ne 70 ]; then
    echo "expected exit code 70, got $code: $output"
    exit 1
fi
case $output in
*"ranks_rank(ranks) != 1"*) ;;
*)
    echo "the message does not name the condition: $output"
    exit 1
    ;;
esac
