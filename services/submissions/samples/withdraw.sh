curl --silent --show-error -H "Content-Type: application/json" -d '{"reason": "no longer made"}' \
  -H "Authorization: Bearer $KEY" -H "Accept-Language: @language@" \
  @address@/submissions/@uscc@/rail-robot-11/withdraw
