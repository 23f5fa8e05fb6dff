%% The programs of `avm bench anoma`, for processes instead of objects.
%%
%% `main Program Count Rounds` runs one of them, and prints for each round how often the thing that is
%% measured was done and the milliseconds of CPU time that the emulator took for it.
-module(avm_peer).
-export([main/1, version/0]).

-define(DEPTH, 400).
-define(BATCH, 100000).

version() ->
    io:format("~s~n", [erlang:system_info(otp_release)]),
    halt().

main([Program, Count, Rounds]) ->
    N = list_to_integer(Count),
    rounds(list_to_atom(Program), N, list_to_integer(Rounds)),
    halt().

rounds(_, _, 0) -> ok;
rounds(Program, N, Rounds) ->
    %% A process of its own, so that no round finds the heap that another left.
    Me = self(),
    spawn(fun() -> Me ! round_done(Program, N) end),
    receive {Done, Milliseconds} -> io:format("~b ~b~n", [Done, Milliseconds]) end,
    rounds(Program, N, Rounds - 1).

cpu() ->
    {Total, _} = statistics(runtime),
    Total.

round_done(create, N) -> create(N, 0, 0);
round_done(Program, N) ->
    Start = cpu(),
    Done = run(Program, N),
    {Done, cpu() - Start}.

%% A request and its reply, N times.
run(echo, N) ->
    Mirror = spawn(fun mirror/0),
    calls(Mirror, N),
    exit(Mirror, kill),
    N;
run(keep, N) ->
    Echo = spawn(fun() -> echo("ready") end),
    calls(Echo, N),
    exit(Echo, kill),
    N;
%% Requests inside of requests: whoever waits for a reply answers what it is asked meanwhile.
run(nested, N) ->
    [P, Q] = [spawn(fun player/0) || _ <- [1, 2]],
    Chains = (N + ?DEPTH - 1) div ?DEPTH,
    chains(P, Q, Chains),
    [exit(Player, kill) || Player <- [P, Q]],
    Chains * (?DEPTH + 1);
%% Messages that nobody waits for, one after the other.
run(messages, N) ->
    Me = self(),
    [P, Q] = [spawn(fun() -> passer(Me) end) || _ <- [1, 2]],
    P ! {N, Q},
    receive done -> ok end,
    [exit(Passer, kill) || Passer <- [P, Q]],
    N + 1.

calls(_, 0) -> ok;
calls(To, N) ->
    To ! {self(), N},
    receive {To, N} -> calls(To, N - 1) end.

mirror() ->
    receive {From, Value} -> From ! {self(), Value}, mirror() end.

echo(Last) ->
    receive
        {From, last} -> From ! {self(), Last}, echo(Last);
        {From, Value} -> From ! {self(), Value}, echo(Value)
    end.

chains(_, _, 0) -> ok;
chains(P, Q, Chains) ->
    P ! {ask, self(), 0, ?DEPTH, Q},
    receive {done, ?DEPTH} -> chains(P, Q, Chains - 1) end.

player() ->
    receive {ask, From, K, Max, Peer} -> From ! answer(K, Max, Peer), player() end.

answer(K, Max, _) when K >= Max -> {done, K};
answer(K, Max, Peer) ->
    Peer ! {ask, self(), K + 1, Max, self()},
    wait().

wait() ->
    receive
        {done, _} = Done -> Done;
        {ask, From, K, Max, Peer} -> From ! answer(K, Max, Peer), wait()
    end.

passer(Whom) ->
    receive
        {Left, Peer} when Left > 0 -> Peer ! {Left - 1, self()}, passer(Whom);
        _ -> Whom ! done
    end.

%% Processes that wait, a batch at a time: a million would not fit into small memories. Ending them is
%% not measured.
create(0, Done, Milliseconds) -> {Done, Milliseconds};
create(N, Done, Milliseconds) ->
    Many = min(N, ?BATCH),
    Me = self(),
    Before = erlang:system_info(process_count),
    Start = cpu(),
    Cells = spawn_many(Many - 1, []),
    %% The run queue has one order: when the last one has run, all have.
    Last = spawn(fun() -> Me ! up, cell(0) end),
    receive up -> ok end,
    Took = cpu() - Start,
    [exit(Cell, kill) || Cell <- [Last | Cells]],
    ended(Before),
    create(N - Many, Done + Many, Milliseconds + Took).

%% Waits until no more processes are there than before.
ended(Before) ->
    case erlang:system_info(process_count) =< Before of
        true -> ok;
        false -> receive after 5 -> ended(Before) end
    end.

spawn_many(0, Cells) -> Cells;
spawn_many(N, Cells) -> spawn_many(N - 1, [spawn(fun() -> cell(0) end) | Cells]).

cell(V) ->
    receive {From, get} -> From ! {self(), V}, cell(V) end.
