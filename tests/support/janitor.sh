#!/bin/sh
# Waits until the tests that started it are gone, however they ended: its input ends then. Whatever they started carries their
# mark in its environment and is ended; folders, one a line of the input, are removed.  Use: janitor.sh MARK < PIPE
mark=$1
folders=$(cat)

end_all() {
  for file in $(grep -lsF "TESTS_OF_POLYBUS=$mark" /proc/[0-9]*/environ); do
    pid=${file#/proc/}
    kill "-$1" "${pid%/environ}" 2>/dev/null
  done
}

end_all TERM # busd removes its files by itself
sleep 0.5
end_all KILL
printf '%s\n' "$folders" | while IFS= read -r folder; do
  case $folder in /*/polybus-*) rm -rf -- "$folder" ;; esac
done
