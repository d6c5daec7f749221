# One entry a line. Here: the same product under three references.
for number in 1 2 3; do
  tr -d '\n' < entry.json | sed "s/rail-robot-01/rail-robot-1$number/"; echo
done > entries.ndjson

curl --silent --show-error --no-buffer -X POST -T entries.ndjson \
  -H "Authorization: Bearer $KEY" -H "Accept-Language: @language@" \
  @address@/submissions:stream
