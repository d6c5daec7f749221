# Maturity is 1 to 9, and a revision that is taken stays as it is: this one is refused.
sed 's/"maturity": 8/"maturity": 12/; s/"revision": 1/"revision": 2/' entry.json > wrong.json
curl --silent --show-error --data-binary @wrong.json \
  -H "Authorization: Bearer $KEY" -H "Accept-Language: @language@" \
  @address@/submissions
echo
# Mended, under the same number: what was refused took none.
sed 's/"maturity": 12/"maturity": 9/' wrong.json > mended.json
curl --silent --show-error --data-binary @mended.json \
  -H "Authorization: Bearer $KEY" -H "Accept-Language: @language@" \
  @address@/submissions
