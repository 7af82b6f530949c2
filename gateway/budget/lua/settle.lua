-- settle: free what was held and charge what was used, once. release is a settle of nothing.
-- in   {'settle', base, call id, tombstone key, kind, admitted ms, entries, amounts, roll-up, who}
--      kind: 's' settled, 'r' released; entries as the lease's, with key indexes; amounts: one per entry
-- out  {'settled'} | {'corrected'} after the lease had expired | {'recovered'} the store had lost the reserve
--      | {'already'} nothing to do | {'doubtful'} unknown and too old: nothing applied

local function settle(op)
  local _, _, id, tombstone_key, kind, admitted, entries, amounts, rollup, who = unpack(op)
  local blob, outcome, lease, expired = redis.call('HGET', LEASES, id), 'settled', nil, nil
  if blob then
    lease = cmsgpack.unpack(blob)[4]
  else
    local tombstone = redis.call('GET', key(tombstone_key))
    if tombstone and string.sub(tombstone, 1, 1) ~= 'x' then return {'already'} end
    if tombstone then
      outcome, expired = 'corrected', cmsgpack.unpack(string.sub(tombstone, 2))
    elseif kind == 'r' then
      -- The reserve may still be on its way: the tombstone turns it away.
      finish(id, key(tombstone_key), kind, SETTLED_LIFE)
      return {'already'}
    elseif NOW - admitted > SETTLED_LIFE then
      return {'doubtful'}
    else
      outcome = 'recovered'
    end
  end
  -- The store's own word on where a call was admitted: who lost the reply to the reserve does not know.
  local places, changes = lease or expired and expired[1] or entries, {}
  for i, entry in ipairs(entries) do
    local reserved = lease and lease[i][E_RESERVED] or 0
    local before = expired and expired[2][i] or 0
    local bucket_key = entry[E_BUCKETS] > 0 and key(entry[E_BUCKETS]) or ''
    changes[i] = change(key(entry[E_STATE]), bucket_key, places[i], amounts[i] - before, -reserved)
  end
  named(rollup)
  for _, item in ipairs(expired and expired[3] or {}) do
    table.insert(rollup[1], {item[1], item[2], -item[3]})
  end
  local fresh, trim = new_keys(rollup), trimming()
  finish(id, key(tombstone_key), kind, SETTLED_LIFE)
  apply(changes)
  add_rollup(rollup, fresh)
  record(trim, kind == 's' and outcome or 'released', id, who, admitted, entries, amounts)
  return {outcome}
end
