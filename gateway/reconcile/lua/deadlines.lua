-- deadlines: each lease has a deadline and each deadline a lease; where not, say so and, if asked, make it so.
-- in   KEYS {leases, deadlines, events}   ARGV {1 to repair, who}
-- out  {{call without a deadline, ...}, {deadline's call without a lease, ...}}
-- A lease without a deadline would be held for ever: it gets one that has passed, so that the next sweep charges it.

local without, stray = {}, {}
for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
  if not redis.call('ZSCORE', KEYS[2], id) then without[#without + 1] = id end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], '0', '-1')) do
  if redis.call('HEXISTS', KEYS[1], id) == 0 then stray[#stray + 1] = id end
end
if ARGV[1] == '1' and #without + #stray > 0 then
  local clock = redis.call('TIME')
  for _, id in ipairs(without) do redis.call('ZADD', KEYS[2], clock[1] .. '000', id) end
  for _, id in ipairs(stray) do redis.call('ZREM', KEYS[2], id) end
  redis.call('XADD', KEYS[3], '*', 'kind', 'repaired', 'who', ARGV[2], 'what', 'deadlines',
    'before', table.concat(without, ' '), 'after', table.concat(stray, ' '))
end
return cmsgpack.pack({without, stray})
