-- held: what live leases hold in one budget; stands before look and mend.
-- in   KEYS {leases, deadlines, events, state, ...}

-- Of a window only those count that were admitted in the one that begins at `start`.
local function held_by_leases(id, start)
  local total = 0
  for _, blob in ipairs(redis.call('HVALS', KEYS[1])) do
    for _, entry in ipairs(cmsgpack.unpack(blob)[4]) do
      if entry[1] == KEYS[4] and entry[3] == id and (entry[4] ~= 'c' and entry[4] ~= 'f' or entry[5] == start) then
        total = total + entry[8]
      end
    end
  end
  return total
end
