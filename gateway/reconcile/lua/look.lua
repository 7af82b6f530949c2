-- look: one budget as it stands, with all that it can be compared with, at one instant. Reads only.
-- in   KEYS {leases, deadlines, events, state, buckets, n day indexes ..., roll-ups ...}
--      ARGV {budget id, start of the window where none is stored, n, size of each index ...}
-- out  {'moved'}: an index has another size, so the roll-ups named are not all; ask again
--      | {'seen', now ms, last event's id or '', state line or '', held by leases, {bucket, tokens, ...}, sums}
--      sums: {weighted, weighted from outside, requests, requests from outside} per roll-up

local id, indexes = ARGV[1], tonumber(ARGV[3])

local function external(field)
  return string.find(field, ':external|', 1, true) ~= nil
end

local function sums_of(name)
  local flat, sums = redis.call('HGETALL', name), {0, 0, 0, 0}
  for i = 1, #flat, 2 do
    local kind = string.match(flat[i], '^(%a+):')
    local place = kind == 'weighted' and 1 or kind == 'requests' and 3
    if place then
      sums[place] = sums[place] + tonumber(flat[i + 1])
      if external(flat[i]) then sums[place + 1] = sums[place + 1] + tonumber(flat[i + 1]) end
    end
  end
  return sums
end

for i = 1, indexes do
  if redis.call('SCARD', KEYS[5 + i]) ~= tonumber(ARGV[3 + i]) then return cmsgpack.pack({'moved'}) end
end
local clock = redis.call('TIME')
local line = redis.call('HGET', KEYS[4], id) or ''
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
local sums, buckets = {}, {}
for i = 6 + indexes, #KEYS do sums[#sums + 1] = sums_of(KEYS[i]) end
for _, text in ipairs(redis.call('HGETALL', KEYS[5])) do buckets[#buckets + 1] = tonumber(text) or 0 end
return cmsgpack.pack({'seen', tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000), last and last[1] or '',
  line, held_by_leases(id, tonumber(string.match(line, '^(%-?%d+):')) or tonumber(ARGV[2])), buckets, sums})
