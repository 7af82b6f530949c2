-- Take the warnings of a shard that are due, for a while: nobody else gets them before the lease has run out.
--
-- KEYS       the shard's waiting ids by due instant (zset), the waiting warnings by id (hash)
-- ARGV       lease (ms), most to take
-- returns    {now (ms), ms until something is due again (-1: nothing waits), id, marked ms, attempts, JSON, ...}

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local out = {now, -1}

for _, id in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', string.format('%d', now), 'BYSCORE', 'LIMIT', 0, ARGV[2])) do
  local line = redis.call('HGET', KEYS[2], id)
  local marked, attempts, event = string.match(line or '', '^(%d+) (%d+) (.*)$')
  if marked then
    attempts = string.format('%d', tonumber(attempts) + 1)
    redis.call('HSET', KEYS[2], id, marked .. ' ' .. attempts .. ' ' .. event)
    redis.call('ZADD', KEYS[1], string.format('%d', now + tonumber(ARGV[1])), id)
    for _, value in ipairs({id, marked, attempts, event}) do out[#out + 1] = value end
  else
    redis.call('ZREM', KEYS[1], id)
  end
end

local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[2] then out[2] = math.max(0, tonumber(first[2]) - now) end
return out
