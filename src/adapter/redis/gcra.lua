-- Takes cells from a budget by the generic cell rate algorithm, or gives the state of it when there are none.
-- KEYS[1]: the budget, which holds the time at which it is whole again, in microseconds. It expires then.
-- ARGV: how many cells are wanted; how many the budget has; its window in microseconds.
-- Answers how many were granted, how many are left, in how many microseconds the budget is whole, and in how many the
-- next cell can be had, 0 for now.
local wanted, quota, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cell = window / quota

-- A clock that was set back must not lock anybody out for longer than a window.
local whole = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now) or now, now), now + window)
-- The tenth of a microsecond makes up for what is lost where a cell is no whole number of them.
local free = math.min(quota, math.floor((now + window - whole + 0.1) / cell))
local granted = math.min(wanted, free)
if granted > 0 then
    whole = whole + granted * cell
    redis.call('SET', KEYS[1], string.format('%.1f', whole), 'PX', math.ceil((whole - now) / 1000))
end
local left = free - granted
local wait = 0
if left < 1 then wait = math.max(1, math.ceil(whole + cell - window - now)) end
return { granted, left, math.ceil(whole - now), wait }
