-- Mark thresholds as told, and let a warning wait for the webhook: both or neither, whatever dies.
--
-- KEYS[1..2] the shard's waiting ids by due instant (zset), the waiting warnings by id (hash); KEYS[3..] the marks of
--            all thresholds that are passed, rising: the last one is told
-- ARGV       id, end of the window (ms; 0: it has none), life of the marks (ms; 0: for ever), most that may wait,
--            life of what waits (ms), the warning in JSON ('' without a webhook)
-- returns    0 it was told before, or its window is over; 1 it is ours to tell; 2 the same, and no room to wait

local id, ends, life, most, patience, event = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

if ends > 0 then
  if ends <= now then return 0 end
  life = ends - now
end

local won
for i = 3, #KEYS do
  if life > 0 then
    won = redis.call('SET', KEYS[i], id, 'NX', 'PX', string.format('%d', life))
  else
    won = redis.call('SET', KEYS[i], id, 'NX')
  end
end

-- A reply was lost, and we ask again: it is still ours, and it waits already.
if not won then return redis.call('GET', KEYS[#KEYS]) == id and 1 or 0 end
if event == '' then return 1 end
if redis.call('HLEN', KEYS[2]) >= tonumber(most) then return 2 end
redis.call('HSET', KEYS[2], id, string.format('%d 0 %s', now, event))
redis.call('ZADD', KEYS[1], string.format('%d', now), id)
redis.call('PEXPIRE', KEYS[1], patience)
redis.call('PEXPIRE', KEYS[2], patience)
return 1
