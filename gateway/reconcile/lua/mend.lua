-- mend: bring one budget's numbers to what they should be, if they are still what was seen.
-- in   KEYS {leases, deadlines, events, state, buckets}
--      ARGV {budget id, kind, line seen, used seen, used wanted, start, mark, who, subject, what, life in seconds,
--            bucket, tokens seen, tokens wanted, ...}
--      kind: 'r' rolling, 'c' a window, 'l' lifetime. Of a rolling window only the buckets are given: what is used is
--      their sum. start, mark: where a state begins that is not there, or cannot be read
-- out  {'changed'}: something is not what was seen, nothing was done | {'mended', line before, line after}
-- What is held is always what live leases hold, added up here.

local id, kind, seen, who, subject, what = ARGV[1], ARGV[2], ARGV[3], ARGV[8], ARGV[9], ARGV[10]
local line = redis.call('HGET', KEYS[4], id) or ''
local start, used, held, mark = string.match(line, '^(%-?%d+):(%-?%d+):(%-?%d+):(%-?%d+)$')
local buckets, told, sum, oldest, newest = {}, {}, 0, -1, -1

if kind == 'r' then
  local flat = redis.call('HGETALL', KEYS[5])
  for i = 1, #flat, 2 do buckets[flat[i]] = tonumber(flat[i + 1]) or 0 end
  for i = 12, #ARGV, 3 do
    if (buckets[ARGV[i]] or 0) ~= tonumber(ARGV[i + 1]) then return cmsgpack.pack({'changed'}) end
  end
  for i = 12, #ARGV, 3 do
    buckets[ARGV[i]] = tonumber(ARGV[i + 2])
    told[#told + 1] = ARGV[i] .. ':' .. ARGV[i + 1] .. '>' .. ARGV[i + 2]
  end
  for index, amount in pairs(buckets) do
    sum, newest = sum + amount, math.max(newest, tonumber(index))
    if amount ~= 0 and (oldest < 0 or tonumber(index) < oldest) then oldest = tonumber(index) end
  end
  start, used, mark = math.max(tonumber(start or ARGV[6]), newest), sum, oldest
elseif not start then
  if line ~= seen then return cmsgpack.pack({'changed'}) end
  start, used, mark = tonumber(ARGV[6]), tonumber(ARGV[5]), tonumber(ARGV[7])
else
  local is_other = ARGV[4] ~= ARGV[5] and tonumber(used) ~= tonumber(ARGV[4])
  if is_other or string.match(seen, '^(%-?%d+):') ~= start then return cmsgpack.pack({'changed'}) end
  start, used, mark = tonumber(start), tonumber(ARGV[4] ~= ARGV[5] and ARGV[5] or used), tonumber(mark)
end
local after = string.format('%d:%d:%d:%d', start, used, held_by_leases(id, start), mark)

redis.call('HSET', KEYS[4], id, after)
for i = 12, #ARGV, 3 do
  if tonumber(ARGV[i + 2]) == 0 then
    redis.call('HDEL', KEYS[5], ARGV[i])
  else
    redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 2])
  end
end
if kind ~= 'l' then redis.call('EXPIRE', KEYS[4], ARGV[11]) end
if kind == 'r' then redis.call('EXPIRE', KEYS[5], ARGV[11]) end
redis.call('XADD', KEYS[3], '*', 'kind', 'repaired', 'who', who, 'subject', subject, 'budget', id, 'what', what,
  'before', line, 'after', after, 'buckets', table.concat(told, ' '))
return cmsgpack.pack({'mended', line, after})
