-- Expired leases, in two steps so that every key is declared.
-- expired  in  {'expired', base, most}
--          out {'expired', {call id, {state key, bucket key, ...}, {roll-up key, ...}} per lease}
-- reap     in  {'reap', base, call id, tombstone key, {state, bucket key index, ...}}
--          out {'reaped', charged per entry} | {'alive'}: extended, settled or reaped meanwhile

local function expired(op)
  local found = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', DEADLINES, '-inf', text(NOW), 'LIMIT', 0, text(op[3]))) do
    local lease, names, seen, rollup_names = cmsgpack.unpack(redis.call('HGET', LEASES, id)), {}, {}, {}
    for _, entry in ipairs(lease[4]) do
      names[#names + 1], names[#names + 2] = entry[E_STATE], entry[E_BUCKETS]
    end
    for _, list in ipairs({lease[5][1], lease[5][2]}) do
      for _, item in ipairs(list) do
        if not seen[item[1]] then
          seen[item[1]] = true
          rollup_names[#rollup_names + 1] = item[1]
        end
      end
    end
    found[#found + 1] = {id, names, rollup_names}
  end
  return {'expired', found}
end

local function reap(op)
  local _, _, id, tombstone_key, indexes = unpack(op)
  local deadline = redis.call('ZSCORE', DEADLINES, id)
  if not deadline or tonumber(deadline) > NOW then return {'alive'} end
  local lease = cmsgpack.unpack(redis.call('HGET', LEASES, id))
  local admitted, policy, granted, entries, plan, who = unpack(lease)
  local amounts, changes, rollup = {}, {}, {{}, {}, plan[3]}
  for i, entry in ipairs(entries) do
    amounts[i] = 0
    if policy == 1 and entry[E_COUNTS] == 1 then amounts[i] = entry[E_MINIMUM] + cost(granted, entry[E_RATE]) end
    local bucket_key = indexes[2 * i] > 0 and key(indexes[2 * i]) or ''
    changes[i] = change(key(indexes[2 * i - 1]), bucket_key, entry, amounts[i], -entry[E_RESERVED])
  end
  if policy == 1 then
    for i, item in ipairs(plan[1]) do rollup[1][i] = {item[1], item[2], item[3] + cost(granted, item[4])} end
    rollup[2] = plan[2]
  end
  local fresh, trim = new_keys(rollup), trimming()
  finish(id, key(tombstone_key), 'x' .. cmsgpack.pack({entries, amounts, rollup[1]}), EXPIRED_LIFE)
  apply(changes)
  add_rollup(rollup, fresh)
  record(trim, 'expired', id, who, admitted, entries, amounts)
  return {'reaped', amounts}
end
