-- restore: give a day's roll-up the tokens and requests that events tell of and that it lacks.
-- in   KEYS {leases, deadlines, events, index, n roll-ups of the user's day ...}; the first roll-up gets them
--      ARGV {member of the index, ttl in seconds, who, subject, what, n,
--            weighted tokens seen in each roll-up ..., field, amount, field, amount, ...}
-- out  {'changed'}: a roll-up is not what was seen, nothing was done | {'restored'}

local member, ttl, who, subject, what, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local fresh, told = redis.call('EXISTS', KEYS[5]) == 0, {}
local first, before = redis.call('SCARD', KEYS[4]) == 0, 0
for i = 1, count do
  local flat, weighted = redis.call('HGETALL', KEYS[4 + i]), 0
  for j = 1, #flat, 2 do
    if string.find(flat[j], '^weighted:') then weighted = weighted + tonumber(flat[j + 1]) end
  end
  if weighted ~= tonumber(ARGV[6 + i]) then return cmsgpack.pack({'changed'}) end
  before = before + weighted
end

redis.call('SADD', KEYS[4], member)
for i = 7 + count, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[5], ARGV[i], ARGV[i + 1])
  told[#told + 1] = ARGV[i] .. '=' .. ARGV[i + 1]
end
if fresh then redis.call('EXPIRE', KEYS[5], ttl) end
if first then redis.call('EXPIRE', KEYS[4], ttl) end
redis.call('XADD', KEYS[3], '*', 'kind', 'repaired', 'who', who, 'subject', subject, 'what', what,
  'roll-up', KEYS[5], 'before', string.format('%d', before), 'added', table.concat(told, ' '))
return cmsgpack.pack({'restored'})
