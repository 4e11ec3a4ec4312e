/**
 * Faults that are put into a copy of the sources, one at a time, to see that the simulator and the laws find them.
 */

/** One fault. */
export interface Mutant {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** The test that has to fail, where it is not the simulator that has to find the fault. */
  readonly test?: string
}

/** All of them. Each `from` stands once in its file of `src/`, which a test checks. */
export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "the last short batch is dropped",
    file: "scheduler/plan/Plan.ts",
    from: "Math.ceil(left / batchSize)",
    to: "Math.floor(left / batchSize)"
  },
  {
    name: "ranks overlap by a sample",
    file: "scheduler/plan/Plan.ts",
    from: "size: to - from, ordinal",
    to: "size: Math.min(to - from + 1, cut.size - from), ordinal"
  },
  {
    name: "ordinals begin again among other workers",
    file: "scheduler/loader/CursorCheck.ts",
    from: "const continued = renumbers ? ",
    to: "const continued = cursor.batches < 0 ? ",
    test: "test/scheduler/loader/CursorWorkers.test.ts"
  },
  {
    name: "ordinals of batches begin again among other workers",
    file: "scheduler/plan/Plan.ts",
    from: "return numberedFrom + Math.floor((batch - numberedFrom) / workers)",
    to: "return Math.floor(batch / workers) + 0 * numberedFrom",
    test: "test/scheduler/loader/CursorWorkers.test.ts"
  },
  {
    name: "a run that pads its last batch leaves it as it is",
    file: "scheduler/plan/Plan.ts",
    from: 'padLast || uneven === "pad" }',
    to: "padLast }"
  },
  {
    name: "a rank that has no rows of a batch does not deliver it",
    file: "scheduler/loader/Delivery.ts",
    from: "batch ?? empty?.at(taken.sequence)",
    to: "batch"
  },
  {
    name: "a run that goes on begins one batch late",
    file: "scheduler/loader/RunStart.ts",
    from: "sequence.of(from.epoch, from.batch)\n",
    to: "sequence.of(from.epoch, from.batch) + 1\n"
  },
  {
    name: "batches taken out of turn are made again",
    file: "scheduler/loader/RunStart.ts",
    from: "const ahead = new Set(early.map(([own]) => own).filter((own) => own < end))",
    to: "const ahead = new Set<number>()"
  },
  {
    name: "the rest of the epoch is dropped when a run goes on",
    file: "scheduler/plan/Sequence.ts",
    from: "Math.floor(sequence / this.room)",
    to: "Math.ceil(sequence / this.room)"
  },
  {
    name: "the error of a finalizer takes the place of a stage's",
    file: "scheduler/loader/LazyResource.ts",
    from: "    await closed\n    this.#isSettled = true\n",
    to: "    await this.close()\n",
    test: "test/scheduler/loader/LazyResource.test.ts"
  },
  {
    name: "a finalizer's error that is not thrown is lost",
    file: "scheduler/loader/LazyResource.ts",
    from: "Effect.tapErrorCause(Scope.close(this.#scope, Exit.void), (cause) =>",
    to: "Effect.tapErrorCause(Scope.close(this.#scope, Exit.void), (cause, _ = Effect.void) => _ ??",
    test: "test/scheduler/loader/LazyResource.test.ts"
  },
  {
    name: "a call that overlaps the end of a run is rejected",
    file: "furrow.ts",
    from: "if (this.#ended && error instanceof RunClosed) return undefined",
    to: "if (error === undefined) return undefined",
    test: "test/scheduler/loader/LazyResource.test.ts"
  },
  {
    name: "the state of a checkpoint is read when its turn comes",
    file: "checkpoint/OpenCheckpoints.ts",
    from: "return use(({ write }) => write(taken))",
    to: "return use(({ write }) => (taken, write(Snapshot.take(snapshot))))",
    test: "test/furrow.test.ts"
  },
  {
    name: "the state of a checkpoint is read after its save has started",
    file: "checkpoint/Service.ts",
    from: "Effect.suspend(() => write(Snapshot.take(snapshot)))",
    to: "Effect.suspend(() => Effect.flatMap(Effect.yieldNow(), () => write(Snapshot.take(snapshot))))",
    test: "test/checkpoint/Checkpoint.test.ts"
  },
  {
    name: "a budget by share is of one epoch, and what all epochs left out is charged to it",
    file: "scheduler/loader/Run.ts",
    from: "(range.end - start.countedFrom)",
    to: "epochs",
    test: "test/scheduler/loader/FailurePolicy.test.ts"
  },
  {
    name: "a cursor forgets which epoch its counts begin with",
    file: "scheduler/loader/OpenRun.ts",
    from: "...(countedFrom === 0 ? {} : { start: countedFrom })",
    to: "...(countedFrom >= 0 ? {} : { start: countedFrom })",
    test: "test/scheduler/loader/FailurePolicy.test.ts"
  },
  {
    name: "a stage may fork the stream that ambient calls draw from",
    file: "scheduler/build/SeedBinding.ts",
    from: "if (name === Ambient.FORK) throw",
    to: "if (name === stage && name === Ambient.FORK) throw",
    test: "test/laws/disjoint.test.ts"
  },
  {
    name: "a copy of a batch that refers to itself never ends",
    file: "pipeline/Batch.ts",
    from: "    copies.set(value, own)\n",
    to: "    if (unfilled.length > 1000) throw new RangeError()\n",
    test: "test/pipeline/Batch.test.ts"
  },
  {
    name: "leave to make a batch is given twice",
    file: "scheduler/loader/WorkerQueues.ts",
    from: "this.all[this.workerOf(sequence)]?.credits.give()",
    to: "this.all[this.workerOf(sequence)]?.credits.give(), this.all[this.workerOf(sequence)]?.credits.give()"
  },
  {
    name: "the cursor counts what was made ahead",
    file: "scheduler/loader/Delivery.ts",
    from: "batch: sequence.batchOf(delivered.next) }",
    to: "batch: Math.min(sequence.room - 1, sequence.batchOf(delivered.next) + (this.#options.queues.all[0]?.batches.length ?? 0)) }"
  },
  {
    name: "samples that were left out are forgotten when a run goes on",
    file: "scheduler/loader/OpenRun.ts",
    from: "skipped: stats.skipped + (from?.skipped ?? 0),",
    to: "skipped: stats.skipped,"
  },
  {
    name: "a worker requests further ahead than it may",
    file: "scheduler/loader/RequestPipeline.ts",
    from: "      credits.use()\n",
    to: ""
  },
  {
    name: "a worker hands on the batch that it requested last",
    file: "scheduler/loader/RequestPipeline.ts",
    from: "    due.shift()\n    const before",
    to: "    due.pop()\n    const before"
  },
  {
    name: "a wake-up is missed when a fiber gives way before it waits",
    file: "core/Signal.ts",
    from: "if (holds()) {\n        resume(Effect.void)\n        return\n      }\n      const wake",
    to: "const wake"
  },
  {
    name: "ranks may change over a gap",
    file: "scheduler/loader/CursorCheck.ts",
    from: "if (ahead.length > 0 && was.ranks !== now.ranks) {",
    to: "if (false) {"
  },
  {
    name: "a cursor's checksum is not looked at",
    file: "scheduler/loader/Cursor.ts",
    from: "if (result.right.checksum === checksum(result.right)) return Effect.succeed(result.right)",
    to: "return Effect.succeed(result.right)"
  },
  {
    name: "other workers are let in where they change draws",
    file: "scheduler/loader/CursorCheck.ts",
    from: 'runPlan.policy?.elastic === false ? [] : ["workers", "ranks"]',
    to: '["workers", "ranks"]'
  },
  {
    name: "the digest takes batches as they come",
    file: "scheduler/loader/Delivered.ts",
    from: "this.#early.set(sequence, hash)\n    this.#settle()",
    to: "this.#early.set(this.#early.size === 0 ? sequence : this.#next, hash)\n    this.#settle()"
  },
  {
    name: "an epoch is shuffled by the order of the one before",
    file: "scheduler/plan/RunPlan.ts",
    from: "const before = known.get(epoch)\n",
    to: "const before = known.get(Math.max(0, epoch - 1)) ?? known.get(epoch)\n"
  },
  {
    name: "a worker's batches are counted from one",
    file: "scheduler/plan/Plan.ts",
    from: "return numberedFrom + Math.floor((batch",
    to: "return numberedFrom + 1 + Math.floor((batch"
  },
  {
    name: "every rank asks for the seeds of rank 0",
    file: "scheduler/plan/SeedRequest.ts",
    from: "rank: plan.rank",
    to: "rank: 0"
  },
  {
    name: "padded samples draw what the first ones drew",
    file: "scheduler/plan/RunPlan.ts",
    from: "distinct: (epoch) => sampler.distinct && plan.end(epoch) <= plan.drawn",
    to: "distinct: () => sampler.distinct"
  },
  {
    name: "a builder that is used again labels its batch as the last one",
    file: "scheduler/build/BatchRows.ts",
    from: "    label.index = range.batch\n",
    to: "",
    test: "test/scheduler/build/Worker.test.ts"
  },
  {
    name: "a builder that is used again keeps its seeds",
    file: "scheduler/build/SeedBinding.ts",
    from: "if (this.#bound.size > 0) this.#bound.clear()",
    to: "",
    test: "test/scheduler/build/Worker.test.ts"
  },
  {
    name: "another attempt at a sample goes on with what the first one derived",
    file: "scheduler/build/CurrentStage.ts",
    from: "      this.#derived = undefined\n",
    to: "",
    test: "test/scheduler/build/Worker.test.ts"
  },
  {
    name: "a field that the first record has not is dropped",
    file: "pipeline/Collate.ts",
    from: "if (inherits || !lists(value, fields)) mustHave",
    to: "if (inherits) mustHave",
    test: "test/pipeline/Collate.test.ts"
  },
  {
    name: "a stage takes the seeds of the stage before it",
    file: "scheduler/build/SeedBinding.ts",
    from: "const known = this.#bound.get(stage)\n",
    to: "const known = this.#bound.get(stage) ?? [...this.#bound.values()].find((own) => own.stage.draws && stage.draws)\n"
  },
  {
    name: "samples that are attempted again have other seeds",
    file: "scheduler/build/CurrentStage.ts",
    from: "const rng = at.rng(this.row)",
    to: "const rng = at.rng(this.#rows.attempts > 1 ? this.#rows.indices.length - 1 - this.row : this.row)"
  },
  {
    name: "a failed sample is left out though another attempt was granted",
    file: "scheduler/build/Retry.ts",
    from: "if (granted[place] !== true) this.#skip(error)",
    to: "this.#skip(error)"
  },
  {
    name: "a sample that is caught takes no place in the next attempt",
    file: "scheduler/build/Work.ts",
    from: "return Exit.succeed(failed(place, failedOf(cause)))",
    to: "return Exit.failCause(cause as Cause.Cause<never>)"
  },
  {
    name: "what was made before a failure is lost",
    file: "scheduler/build/BatchRows.ts",
    from: "      // What is made stays made.\n      this.#keepMade()",
    to: "      this.values = []"
  },
  {
    name: "what is left out takes its neighbor from behind",
    file: "scheduler/build/BatchRows.ts",
    from: "if (!skipped.has(row)) before = row\n      return before",
    to: "if (!skipped.has(row)) before = row\n      return skipped.has(row) ? (made.at(-1) as number) : before"
  },
  {
    name: "plain stages of a step draw from the seeds of the first",
    file: "scheduler/build/PlainStages.ts",
    from: "new StageCall(stage, all[place] as SeededStage,",
    to: "new StageCall(stage, all[0] as SeededStage,",
    test: "test/scheduler/build/PlainStages.test.ts"
  },
  {
    name: "plain stages of a step share a context",
    file: "scheduler/build/PlainStages.ts",
    from: "this.#contextAt(place), this.#around",
    to: "this.#contextAt(0), this.#around",
    test: "test/scheduler/build/PlainStages.test.ts"
  },
  {
    name: "plain stages of a step are left out from the fourth on",
    file: "scheduler/build/PlainStages.ts",
    from: "return behind === undefined ? own : through(behind, own, current)",
    to: "return own",
    test: "test/scheduler/build/PlainStages.test.ts"
  },
  {
    name: "plain stages keep the seeds of the batch before",
    file: "scheduler/build/PlainStages.ts",
    from: ";(known.all[place] as StageCall).at = all[place] as SeededStage",
    to: "known.all[place]",
    test: "test/scheduler/build/Worker.test.ts"
  },
  {
    name: "what a stage behind batch returns is not looked at",
    file: "scheduler/build/PlainStages.ts",
    from: "leave: isNamed ? (value) => batchOf(value, label) : itself",
    to: "leave: itself",
    test: "test/pipeline/StageResult.test.ts"
  },
  {
    name: "rows that are gathered lie over those before them",
    file: "core/runtime.ts",
    from: "first += GATHERED, begin += GATHERED * bytes",
    to: "first += GATHERED",
    test: "test/core/runtime.test.ts"
  },
  {
    name: "what fails in a step is its first stage",
    file: "scheduler/build/PlainStages.ts",
    from: "  current.place = place + 1\n",
    to: "",
    test: "test/scheduler/build/PlainStages.test.ts"
  },
  {
    name: "a batch has its indices where the next one has them, too",
    file: "scheduler/build/BatchRows.ts",
    from: "      this.#heldIndices = true\n",
    to: "",
    test: "test/scheduler/build/PlainStages.test.ts"
  },
  {
    name: "the rows of a batch are those that the batch before left over",
    file: "scheduler/build/PlainStages.ts",
    from: "for (let row = 0; row < count; row++) rows[row] = row",
    to: "for (let row = rows.length; row < count; row++) rows[row] = row",
    test: "test/scheduler/build/PlainStages.test.ts"
  },
  {
    name: "a float32 column takes what is beyond float32",
    file: "pipeline/NumberColumn.ts",
    from: "if (held - held === 0 || value - value !== 0) continue",
    to: "continue",
    test: "test/pipeline/Collate.test.ts"
  },
  {
    name: "a number that does not fit its column is forgotten for a later one",
    file: "pipeline/NumberColumn.ts",
    from: "    if (this.wrong !== -1) return\n",
    to: "",
    test: "test/pipeline/Collate.test.ts"
  },
  {
    name: "fused stages draw from the seeds of the first",
    file: "scheduler/build/PlainStages.ts",
    from: "current.moveTo(all[stage] as SeededStage, rows.rowOf(place))",
    to: "current.moveTo(all[0] as SeededStage, rows.rowOf(place))"
  },
  {
    name: "a fused step counts rows without those that were filtered",
    file: "scheduler/build/PlainStages.ts",
    from: "current.moveTo(all[stage] as SeededStage, rows.rowOf(place))",
    to: "current.moveTo(all[stage] as SeededStage, place)"
  },
  {
    name: "the stage behind fused ones is left out",
    file: "scheduler/plan/Program.ts",
    from: "at += fused.length",
    to: "at += fused.length + 1"
  },
  {
    name: "an interrupt lets a stage's effects run on",
    file: "core/Concurrent.ts",
    from: "Effect.onInterrupt(restore(waiting), () => end)",
    to: "restore(waiting)"
  },
  {
    name: "a checkpoint is renamed before it is synced",
    file: "checkpoint/FileStore.ts",
    from: "Effect.zipRight(file.writeAll(bytes), file.sync)",
    to: "file.writeAll(bytes)"
  },
  {
    name: "a checkpoint is written in place",
    file: "checkpoint/FileStore.ts",
    from: "const torn = ",
    to: "const torn = path; void "
  },
  {
    name: "the folder is not synced",
    file: "checkpoint/FileStore.ts",
    from: "Effect.zipRight(settle(fs, directory)),",
    to: ""
  },
  {
    name: "half-written checkpoints are left behind",
    file: "checkpoint/FileStore.ts",
    from: "if (TORN.test(name)) yield*",
    to: 'if (name === "") yield*'
  },
  {
    name: "the oldest checkpoint is taken for the newest",
    file: "checkpoint/CheckpointManager.ts",
    from: "all.toSorted(Reading.newestFirst)",
    to: "all.toSorted(Reading.newestFirst).toReversed()"
  },
  {
    name: "a full disk is no error",
    file: "checkpoint/CheckpointManager.ts",
    from: "yield* store.write(path, bytes)\n        next = id + 1\n        yield* Reading.readBack(store, path, bytes)\n",
    to: "yield* Effect.ignore(store.write(path, bytes))\n        next = id + 1\n"
  },
  {
    name: "children have the tag of samples in a mix",
    file: "seeding/Counter.ts",
    from: "tag: windows === undefined ? 8 : 10",
    to: "tag: windows === undefined ? 7 : 10",
    test: "test/seeding/Counter.test.ts"
  },
  {
    name: "coordinates that do not fit wrap around",
    file: "seeding/Counter.ts",
    from: "if (!fits(value, limit)) return outside(own, value, row)",
    to: "",
    test: "test/laws/disjoint.test.ts"
  },
  {
    name: "what a failed attempt drew is recorded",
    file: "scheduler/build/BatchBuilder.ts",
    from: "      this.#binding.forget(new Set(rows.failed.keys()))\n",
    to: "",
    test: "test/testing.test.ts"
  },
  {
    name: "image stages are not told what stands before them",
    file: "pipeline/Fusible.ts",
    from: "stages[at]?.accepts(stages.slice(0, at))",
    to: "stages[at]?.accepts([])",
    test: "test/image/Order.test.ts"
  },
  {
    name: "a fused step takes the rng of the stage before",
    file: "scheduler/build/PlainStages.ts",
    from: "current.moveTo(all[stage] as SeededStage, rows.rowOf(place))",
    to: "current.moveTo(all[0] as SeededStage, rows.rowOf(place))",
    test: "test/pipeline/Fusible.test.ts"
  },
  {
    name: "lanes are dealt to ranks by turns of a sample",
    file: "scheduler/plan/Lanes.ts",
    from: "row - Math.floor((lane * length) / number)",
    to: "row - Math.floor((lane * batchSize) / number)",
    test: "test/scheduler/plan/Lanes.test.ts"
  },
  {
    name: "a batch exceeds its budget by a sample",
    file: "pipeline/BatchCuts.ts",
    from: "if (sum > most) break",
    to: "if (sum > most + costAt(end)) break",
    test: "test/pipeline/BatchCuts.test.ts"
  },
  {
    name: "an epoch of unknown length ends a batch early",
    file: "scheduler/plan/Cuts.ts",
    from: "of(epoch).at(batch - origin(epoch).batch)",
    to: "of(epoch).at(batch)",
    test: "test/scheduler/loader/CursorVersions.test.ts"
  },
  {
    name: "a cursor of version 1 is read a batch late",
    file: "scheduler/loader/CursorVersion1.ts",
    from: "position: batch * size,",
    to: "position: batch,",
    test: "test/scheduler/loader/CursorVersions.test.ts"
  },
  {
    name: "a batch size that changes begins the epoch anew",
    file: "scheduler/plan/Cuts.ts",
    from: "rest.at(own, batch - origin.batch)",
    to: "rest.at(own, batch)",
    test: "test/scheduler/loader/CursorVersions.test.ts"
  },
  {
    name: "a view tells its own rows for those below",
    file: "sources/views/View.ts",
    from: "lineage: (index: number) => lineageAt(self, place(index))",
    to: "lineage: (index: number) => lineageAt(self, index)",
    test: "test/sources/Lineage.test.ts"
  },
  {
    name: "the batch of a thread that died is lost",
    file: "scheduler/backends/remote/Pool.ts",
    from: "for (const pending of had) if",
    to: "for (const pending of had.slice(1)) if",
    test: "test/scheduler/backends/remote/Pool.test.ts"
  },
  {
    name: "a thread that ends as it is ready is waited for",
    file: "scheduler/backends/remote/Pool.ts",
    from: "else seat.gone = { member, reason }",
    to: "else seat.gone = undefined",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "what only the answer to a GET says of an object is not held against later ones",
    file: "sources/store/http/Stated.ts",
    from: "stated.set(info, {",
    to: "stated.set({ ...info }, {",
    test: "test/sources/store/Http.test.ts"
  },
  {
    name: "a listing whose pages never end is listed for ever",
    file: "sources/store/s3/Listing.ts",
    from: "if (seen.size >= mostPages)",
    to: "if (seen.size > 2 * mostPages)",
    test: "test/sources/store/s3/Listing.test.ts"
  },
  {
    name: "carried streams go from thread to thread",
    file: "scheduler/backends/remote/Pool.ts",
    from: "this.#seats[pending.request.worker % this.#seats.length]",
    to: "this.#seats[pending.request.batch % this.#seats.length]",
    test: "test/scheduler/backends/remote/processes.test.ts"
  },
  {
    name: "a copy of a sampler passes for the sampler",
    file: "core/MadeFor.ts",
    from: "return isChanged && value[name] === descriptions[name]",
    to: "return isChanged && value[name] !== descriptions[name]",
    test: "test/core/MadeFor.test.ts"
  },
  {
    name: "a batch that is none is delivered",
    file: "scheduler/loader/WorkerFibers.ts",
    from: "exit: open.checked({ batch, epoch, worker }, exit)",
    to: "exit",
    test: "test/scheduler/backends/CheckedBackend.test.ts"
  },
  {
    name: "what a backend throws ends the worker's fiber",
    file: "scheduler/loader/RequestPipeline.ts",
    from: "arrivals.until(deliver)",
    to: "arrivals.until(deliverReady)",
    test: "test/scheduler/backends/CheckedBackend.test.ts"
  },
  {
    name: "threads are replaced for ever",
    file: "scheduler/backends/remote/Pool.ts",
    from: "this.#restarts.set(worker, left - 1)",
    to: "this.#restarts.set(worker, left)",
    test: "test/scheduler/backends/threads/Threads.test.ts"
  },
  {
    name: "an audit's repeats are those that were noted later, not those that are later in the plan",
    file: "audit/StateLog.ts",
    from: "else if (order(equal.first, number) < 0) each(number)",
    to: "else if (equal.first >= 0) each(number)",
    test: "test/audit/StateLog.test.ts"
  },
  {
    name: "fields of a batch that have the name of a method are lost",
    file: "pipeline/DeliveredBatch.ts",
    from: "if (!Object.hasOwn(this, name)) this.#add",
    to: "if (!(name in this)) this.#add",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "a taker that throws takes the answers behind it along",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "    this.#isDeferred = true\n    let isDeferred = false",
    to: "    this.#isDeferred = false\n    let isDeferred = false",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "an audit takes states for repeats that have one hash",
    file: "audit/StateLog.ts",
    from: "different.find((one) => this.#equal(one.place, place))",
    to: "different[0]",
    test: "test/audit/StateLog.test.ts"
  },
  {
    name: "auto does not see what is built while the consumer could go on",
    file: "scheduler/backends/Choice.ts",
    from: "Math.max(to.waited - from.waited, to.built - from.built)",
    to: "to.waited - from.waited",
    test: "test/scheduler/backends/Choice.test.ts"
  },
  {
    name: "auto ends its threads before their last batches are taken",
    file: "scheduler/backends/Auto.ts",
    from: "settings.prefetch + 1)",
    to: "1)",
    test: "test/scheduler/backends/Auto.test.ts"
  },
  {
    name: "auto moves batches that would arrive as another kind",
    file: "scheduler/backends/Auto.ts",
    from: "if (measure.changed === undefined) return undefined",
    to: "if (measure.built >= 0) return undefined",
    test: "test/scheduler/backends/Auto.test.ts"
  },
  {
    name: "a thread sends instances without their class",
    file: "scheduler/backends/remote/BatchCodec.ts",
    from: "if (copy !== prototype) throw",
    to: "if (copy === value) throw",
    test: "test/scheduler/backends/remote/BatchCodec.test.ts"
  },
  {
    name: "a batch that fibers have begun is requested of threads, too",
    file: "scheduler/backends/MovableBatch.ts",
    from: "      this.#unbegun.delete(own)\n",
    to: "",
    test: "test/scheduler/backends/MovableBatch.test.ts"
  },
  {
    name: "a run is not judged while its consumer takes what was built before",
    file: "scheduler/backends/Choice.ts",
    from: "to.built > from.built || each <= loss.each",
    to: "each >= 0",
    test: "test/scheduler/backends/Auto.test.ts"
  },
  {
    name: "batches are built ahead while the consumer asks for one",
    file: "scheduler/loader/RequestPipeline.ts",
    from: "(!isIdle || isAsking())",
    to: "!isIdle",
    test: "test/scheduler/loader/RequestPipeline.test.ts"
  },
  {
    name: "batches that may be requested are not, though the consumer waits",
    file: "scheduler/loader/Delivery.ts",
    from: "      queues.flushCredits()\n",
    to: "",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "what has come is looked for batch by batch",
    file: "scheduler/loader/Delivery.ts",
    from: "(recorder !== undefined || queue.length === 0)",
    to: "queue.length >= 0",
    test: "test/scheduler/loader/WorkerQueues.test.ts"
  },
  {
    name: "each worker requests its lot by itself",
    file: "scheduler/loader/WorkerQueues.ts",
    from: "=== true && this.#areLots) this.flushCredits()",
    to: "=== true && this.#areLots) return",
    test: "test/scheduler/loader/WorkerQueues.test.ts"
  },
  {
    name: "each credit is used by itself",
    file: "scheduler/loader/Queue.ts",
    from: "if (this.#left < this.#lot) return false",
    to: "if (this.#left < 1) return false",
    test: "test/scheduler/loader/Queue.test.ts"
  },
  {
    name: "a digest lacks the last batches",
    file: "scheduler/loader/DigestChain.ts",
    from: "    this.#link()\n    return",
    to: "    return",
    test: "test/scheduler/plan/Digest.test.ts"
  },
  {
    name: "auto requests batches of fibers while it has threads",
    file: "scheduler/backends/Auto.ts",
    from: "target = opened.value",
    to: "target = here",
    test: "test/scheduler/backends/Auto.test.ts"
  },
  {
    name: "rows of the dataset are adopted as a column of a batch",
    file: "pipeline/Collate.ts",
    from: "adopted(rows, first, adoptable)",
    to: "adopted(rows, first, new Uint8Array(adoptable.buffer))",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "memory is used again once the batch in it is garbage",
    file: "pipeline/Lease.ts",
    from: "for (const place of this.#places) handed.add(place)",
    to: "",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "what is lent stays lent when the run is closed",
    file: "scheduler/loader/Loan.ts",
    from: "if (!this.#inSteps) this.end()",
    to: "",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "memory is lent to stages that may keep it",
    file: "scheduler/plan/Program.ts",
    from: "before.slice(first).every(isFused)",
    to: "before.length > 0",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "memory is lent to a collate of the user's",
    file: "scheduler/plan/Program.ts",
    from: "batching.dtypes !== undefined && behind.every(isFused)",
    to: "behind.every(isFused)",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "batches that are taken are lent",
    file: "scheduler/loader/Delivery.ts",
    from: "handed = built && (isCopied ?",
    to: "handed = built && (isCopied && asked.limit < 0 ?",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "a step that fails does not end its loan",
    file: "scheduler/loader/ForEach.ts",
    from: "Effect.sync(() => loan.endSteps())",
    to: "Effect.void",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "what a stage has added to a batch is not its consumer's own",
    file: "pipeline/DeliveredBatch.ts",
    from: "return new DeliveredBatch(mine, mine.columns, own)",
    to: "return new DeliveredBatch(batch, mine.columns, own)",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "a copy of a batch shares what a stage has added to it",
    file: "pipeline/Batch.ts",
    from: "(copied(fields) as Batch<C>)",
    to: "(copied({ indices: fields.indices, columns: fields.columns }) as Batch<C>)",
    test: "test/pipeline/Batch.test.ts"
  },
  {
    name: "a batch that was put together from a lent one is not held",
    file: "pipeline/Batch.ts",
    from: "if (lease !== undefined) leases.add(lease)",
    to: "if (lease?.over) leases.add(lease)",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "memory of a batch that somebody has is used again",
    file: "pipeline/DeliveredBatch.ts",
    from: "buffers.push(buffer)",
    to: "pool.give(buffer)",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "memory of columns that somebody has is used again",
    file: "pipeline/ColumnMemory.ts",
    from: "this.#taken.push(buffer)",
    to: "this.#memory.give([buffer])",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "memory of columns that is given back is not used again",
    file: "pipeline/ColumnMemory.ts",
    from: "return this.#pool.take(bytes)",
    to: "return new ArrayBuffer(bytes)",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "columns are lent that a stage behind batch has seen",
    file: "scheduler/plan/Program.ts",
    from: "batching.dtypes !== undefined && behind.every(isFused)",
    to: "batching.dtypes !== undefined",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "images beside columns are delivered for good where they lie",
    file: "scheduler/backends/Fibers.ts",
    from: "isOrdinary: places.length === 0",
    to: "isOrdinary: true",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "memory that is given back is not used again",
    file: "core/BufferPool.ts",
    from: "if (own.byteLength !== length) continue",
    to: "if (own.byteLength !== -length) continue",
    test: "test/laws/lent.test.ts"
  },
  {
    name: "a batch that its fiber waits for is handed on by another",
    file: "scheduler/loader/RequestPipeline.ts",
    from: "if (isAtFirst || failed) return false",
    to: "if (failed) return false",
    test: "test/scheduler/loader/RequestPipeline.test.ts"
  },
  {
    name: "a batch that is begun by plain code is begun again",
    file: "scheduler/backends/Fibers.ts",
    from: "      rest = begun\n",
    to: "",
    test: "test/laws/once.test.ts"
  },
  {
    name: "a NaN in a digest keeps its bits if it is one of the last three",
    file: "core/CanonicalBytes.ts",
    from: "const mayHoldNaN32 = (array: Float32Array): boolean => {",
    to: "const mayHoldNaN32 = (all: Float32Array): boolean => {\n  const array = all.subarray(0, all.length & ~3)",
    test: "test/core/CanonicalBytes.test.ts"
  },
  {
    name: "two digests gather their parts in one memory",
    file: "core/GatheredHash.ts",
    from: "    free = undefined\n",
    to: "    free = this.#held\n",
    test: "test/core/GatheredHash.test.ts"
  },
  {
    name: "what a function `content` throws is swallowed",
    file: "scheduler/plan/Content.ts",
    from: "if (!(thrown instanceof NotHashable)) throw thrown",
    to: "void thrown",
    test: "test/scheduler/plan/Content.test.ts"
  },
  {
    name: "the exponential of subnormal results is rounded twice",
    file: "core/math/Exp.ts",
    from: "y * powerOfTwo(k + 64) * powerOfTwo(-64)",
    to: "y * powerOfTwo(k + 1023) * powerOfTwo(-1022) * 0.5",
    test: "test/core/math/functions.test.ts"
  },
  {
    name: "an optional field of a stored value is required",
    file: "core/SchemaValue.ts",
    from: "new AST.PropertySignature(name, field.optional.ast, true, true)",
    to: "new AST.PropertySignature(name, field.optional.ast, false, true)",
    test: "test/core/SchemaValue.test.ts"
  },
  {
    name: "threads begin with what comes last in the plan",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "!this.#cells.isBefore(cell, first)",
    to: "this.#cells.isBefore(cell, first)",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "threads run ahead of the bytes that they may",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "(state !== WAITING || isFull)",
    to: "(state !== WAITING || (isFull && first < -1))",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "threads begin nothing beyond their bytes, whoever waits",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "STATES + cell, WAITING, URGENT)",
    to: "STATES + cell, WAITING, WAITING)",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "a consumer is woken for each of many batches",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "Math.min(this.#requests >> 1, MOST_AWAITED) : 1",
    to: "1 : 1",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "a thread that has nothing to build tells nobody",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "  idle(): boolean {\n    return this.#tells",
    to: "  idle(): boolean {\n    return false && this.#tells",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "the memory of a batch that was given back counts for ever",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "Atomics.sub(this.#states, IN_FLIGHT, kibibytes)",
    to: "Atomics.sub(this.#states, IN_FLIGHT, 0 * kibibytes)",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "seeds that an audit observes are derived where it does not see them",
    file: "scheduler/backends/remote/MemberStart.ts",
    from: "policy?.observe !== undefined && derivationOf",
    to: "policy?.observe === null && derivationOf",
    test: "test/scheduler/backends/remote/BatchRequests.test.ts"
  },
  {
    name: "an audit sees nothing of the seeds that come back in shared memory",
    file: "scheduler/backends/threads/QueueCells.ts",
    from: "words[at + 5] === 1 ? this",
    to: "words[at + 5] === 2 ? this",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "threads that nobody needs are kept",
    file: "scheduler/backends/Choice.ts",
    from: "now.at - this.#since < KEPT_MS",
    to: "now.at - this.#since < 1000 * KEPT_MS",
    test: "test/scheduler/backends/Auto.test.ts"
  },
  {
    name: "a long run starts no threads before it is judged",
    file: "scheduler/backends/Choice.ts",
    from: "this.#batches >= this.#pays.rest",
    to: "this.#batches < 0",
    test: "test/scheduler/backends/Auto.test.ts"
  },
  {
    name: "seeds are observed again with each attempt",
    file: "scheduler/backends/remote/PendingBatch.ts",
    from: "this.#isObserved = true",
    to: "this.#isObserved = false",
    test: "test/scheduler/backends/threads/Threads.test.ts"
  },
  {
    name: "a thread that sleeps is not woken for the batch that the consumer waits for",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "    if (this.#unwoken > 0) this.#wake(this.#unwoken)",
    to: "    if (this.#unwoken > 1) this.#wake(this.#unwoken)",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "a thread is woken for each request",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "2 * this.#unwoken >= this.extent.cells",
    to: "2 * this.#unwoken >= 0 * this.extent.cells",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "a consumer is woken before the batch that it waits for is there",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "isThere && Atomics",
    to: "(isThere || head >= 0) && Atomics",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "a consumer hears nothing where the batch that it waits for has moved to another cell",
    file: "scheduler/backends/threads/SharedQueue.ts",
    from: "Atomics.compareExchange(this.#states, HEAD, cell, ANY)",
    to: "Atomics.compareExchange(this.#states, HEAD, ANY, cell)",
    test: "test/scheduler/backends/threads/SharedQueue.test.ts"
  },
  {
    name: "blocks: a window of a shuffle runs on into the next lane",
    file: "sampling/ShuffleBlocks.ts",
    from: "const to = Math.min(boundary(lane + 1, lanes, size), ",
    to: "const to = Math.min(size + 0 * boundary(lane + 1, lanes, size), ",
    test: "test/sampling/ShuffleBlocks.test.ts"
  },
  {
    name: "blocks: the short last block is taken for a whole one",
    file: "sampling/BlockOrder.ts",
    from: "place > lastAt ? fewer : 0",
    to: "place > count ? fewer : 0",
    test: "test/sampling/ShuffleBlocks.test.ts"
  },
  {
    name: "segments: those that end within a part of the table are not looked for there",
    file: "core/Segments.ts",
    from: "before[part + 1] = segment",
    to: "before[part] = segment",
    test: "test/core/Segments.test.ts"
  },
  {
    name: "blocks: the windows of a lane are counted from the first block of all",
    file: "sampling/ShuffleBlocks.ts",
    from: "const low = first + window * Math.floor((blocks.placeAt(position) - first) / window)",
    to: "const low = window * Math.floor(blocks.placeAt(position) / window)"
  },
  {
    name: "blocks: those with rows left go before those that are used up",
    file: "sources/shards/Retention.ts",
    from: "if (left === 0) this.#drop(block)",
    to: "if (left > 0) this.#drop(block)",
    test: "test/sampling/Report.test.ts"
  },
  {
    name: "a report counts what is read of blocks that are not used up yet",
    file: "sampling/Report.ts",
    from: "const isWhole = positions === sampler.count(size)",
    to: "const isWhole = positions <= sampler.count(size)",
    test: "test/sampling/Report.test.ts"
  },
  {
    name: "shards: large integers of JSON are rounded where lines are parsed alone",
    file: "core/ExactJson.ts",
    from: "return hasLongDigitsIn(text) ? exactly(text, value) : value",
    to: "return value",
    test: "test/sources/formats/lines/integers.test.ts"
  },
  {
    name: "shards: a text can be taken for a large integer",
    file: "core/ExactJson.ts",
    from: 'createHash("sha256").update(text).digest("hex")',
    to: '"bigint:"',
    test: "test/core/ExactJson.test.ts"
  },
  {
    name: "shards: names of JSON that are parsed without their escapes stay what stood for them",
    file: "core/EscapedNames.ts",
    from: "names.get(name) ?? name",
    to: "name",
    test: "test/core/EscapedNames.test.ts"
  },
  {
    name: "shards: names of JSON that need escapes are written without",
    file: "core/EscapedNames.ts",
    from: "marks.get(name) ?? name",
    to: "name",
    test: "test/core/EscapedNames.test.ts"
  },
  {
    name: "shards: of rows that are read together, one that is bad fails all",
    file: "scheduler/build/ReadSamples.ts",
    from: "rows.careful && only === undefined ? getEachOf(dataset) : undefined",
    to: "!rows.careful && only === undefined ? getEachOf(dataset) : undefined",
    test: "test/scheduler/build/ReadSamples.test.ts"
  },
  {
    name: "shards: a bad block of columns counts as another attempt",
    file: "scheduler/build/ColumnBuilder.ts",
    from: "rows.careful && isOfShard(why.failure)",
    to: "!rows.careful && isOfShard(why.failure)",
    test: "test/scheduler/build/ReadSamples.test.ts"
  },
  {
    name: "shards: a bad block of columns is decoded again for its samples",
    file: "scheduler/build/ReadSamples.ts",
    from: "getEach(rows.indices, rows.ungathered)",
    to: "getEach(rows.indices, undefined)",
    test: "test/scheduler/build/ReadSamples.test.ts"
  },
  {
    name: "blocks: rows that wait for no block count as no garbage",
    file: "sources/shards/ShardedDataset.ts",
    from: "for (const { cached, places } of parts) given(cached, places.size)",
    to: "for (const { cached, places } of parts) cache.given(cached, places.size)",
    test: "test/sources/shards/Garbage.test.ts"
  },
  {
    name: "blocks: garbage is collected for each row once there was enough of it",
    file: "sources/shards/Garbage.ts",
    from: "this.#given = 0",
    to: "this.#given = this.#most",
    test: "test/sources/shards/Garbage.test.ts"
  },
  {
    name: "text: what is no Latin-1 is taken for an empty text",
    file: "wasm/Text.ts",
    from: "return size < 0 ? undefined",
    to: "return size === 0 ? undefined",
    test: "test/wasm/Text.test.ts"
  },
  {
    name: "shared blocks: one is dropped while a thread reads it",
    file: "sources/shards/SharedBlocks.ts",
    from: "if (this.#word(slot, word) === 0) continue",
    to: "if (word >= SLOT) continue",
    test: "test/sources/shards/SharedBlocks.test.ts"
  },
  {
    name: "blocks: numbers of Parquet are said to take what they take in pages",
    file: "sources/formats/parquet/Read.ts",
    from: "width === undefined ? Math.max(uncompressed, 4 * values)",
    to: "width !== -1 ? Math.max(uncompressed, 4 * values)",
    test: "test/sources/formats/BlockBytes.test.ts"
  },
  {
    name: "shared blocks: their memory does not grow with them",
    file: "sources/shards/SharedBlocks.ts",
    from: "if (this.buffer.byteLength < length) this.buffer.grow",
    to: "if (this.buffer.byteLength < 0) this.buffer.grow",
    test: "test/sources/shards/SharedBlocks.test.ts"
  },
  {
    name: "shared blocks: rows of a table are views of memory that another block gets",
    file: "sources/formats/arrow/Cells.ts",
    from: ": (start: number, end: number) => numbers.slice(start, end)",
    to: ": (start: number, end: number) => numbers.subarray(start, end)",
    test: "test/sources/formats/SharedDecode.test.ts"
  },
  {
    name: "shared blocks: what a thread has claimed that died stays claimed",
    file: "sources/shards/SharedBlocks.ts",
    from: "else if (state === GONE || (state === CLAIMED && this.#word(slot, OWNER) === thread))",
    to: "else if (state === GONE)",
    test: "test/sources/shards/SharedBlocks.test.ts"
  },
  {
    name: "shared blocks: nobody clears up behind a thread that has died",
    file: "scheduler/backends/threads/ThreadMember.ts",
    from: "this.#options.blocks.release(this.#options.thread)",
    to: "void this.#options.blocks",
    test: "test/scheduler/backends/threads/Shards.test.ts"
  },
  {
    name: "shared blocks: each thread decodes its own",
    file: "sources/shards/SharedMemory.ts",
    from: 'if (typeof provider !== "function" || blocks === 0)',
    to: 'if (typeof provider !== "undefined" || blocks === 0)',
    test: "test/scheduler/backends/threads/Shards.test.ts"
  },
  {
    name: "blocks: rows that follow one another in the batch are taken as if they did in their block",
    file: "sources/shards/GatherColumns.ts",
    from: "rows[at + length] === row + length && ",
    to: "at + length < rows.length && ",
    test: "test/sources/shards/GatherColumns.test.ts"
  },
  {
    name: "blocks: a batch whose columns are not alike in its blocks has zeros where they differ",
    file: "sources/shards/ShardedDataset.ts",
    from: "(fits ? gathered.rows() : undefined)",
    to: "gathered.rows()",
    test: "test/sources/shards/GatherColumns.test.ts"
  },
  {
    name: "blocks: a null of a Parquet column of numbers takes the value behind it",
    file: "sources/formats/parquet/NumberColumn.ts",
    from: "if ((((bits[at >> 3] as number) >> (at & 7)) & 1) === 0) continue",
    to: "if (bits.length < 0) continue",
    test: "test/sources/formats/parquet/NumberColumn.test.ts"
  },
  {
    name: "blocks: a list of a Parquet column that goes on in the next page is cut there",
    file: "sources/formats/parquet/NumberColumn.ts",
    from: "if (isNew) this.#begin()",
    to: "if (isNew || at === 7) this.#begin()",
    test: "test/sources/formats/parquet/NumberColumn.test.ts"
  },
  {
    name: "blocks: whoever comes while a block is read reads it again",
    file: "sources/shards/BlockCache.ts",
    from: "const found = pending.get(block)\n",
    to: "const found = pending.get(-1 - block)\n",
    test: "test/sources/shards/Open.test.ts"
  },
  {
    name: "blocks: one reader that is interrupted ends the read of all",
    file: "sources/shards/BlockCache.ts",
    from: "    if (own.waiting > 0) return Effect.void\n",
    to: "    if (own.waiting < 0) return Effect.void\n",
    test: "test/sources/shards/Open.test.ts"
  },
  {
    name: "blocks: the memory of one is used again while rows of it are still to be read",
    file: "sources/shards/BlockCache.ts",
    from: "if (read.waiting > 0) read.dropped = decoded",
    to: "if (read.waiting < 0) read.dropped = decoded",
    test: "test/sources/shards/BlockCache.test.ts"
  },
  {
    name: "memory for reads: that of others is freed",
    file: "core/ReadBuffers.ts",
    from: "|| !given.delete(buffer)) return",
    to: "|| given.delete(buffer)) return",
    test: "test/core/ReadBuffers.test.ts"
  },
  {
    name: "read-ahead: what could not be read ahead is read once more, and nobody is told",
    file: "sources/shards/BlockCache.ts",
    from: "failed.set(block, { cause: exit.cause, read: own })",
    to: "failed.delete(block)",
    test: "test/sources/shards/ReadAhead.test.ts"
  },
  {
    name: "read-ahead: what a run has begun goes on behind its end",
    file: "sources/shards/ReadAhead.ts",
    from: "({ giveUp }) => giveUp)",
    to: "() => Effect.void)",
    test: "test/sources/shards/ReadAhead.test.ts"
  },
  {
    name: "read-ahead: a read that a batch waits for goes on once that one is interrupted",
    file: "sources/shards/ReadAhead.ts",
    from: "else if (!read.isPending()) this.#begun.delete(own)",
    to: "else this.#begun.delete(own)",
    test: "test/sources/shards/ReadAhead.test.ts"
  },
  {
    name: "stream: a shard that ends before the rows that were given is at its end",
    file: "sources/stream/BlockShard.ts",
    from: "if (isLast) return drop === 0 ? Effect.succeed(undefined) : Effect.fail(endedEarly())",
    to: "if (isLast) return Effect.succeed(undefined)",
    test: "test/sources/stream/OpenStream.test.ts"
  },
  {
    name: "stream: a function that gives one iterator twice has an empty epoch",
    file: "sources/stream/FromStream.ts",
    from: "given.add(own)",
    to: "",
    test: "test/scheduler/loader/Streams.test.ts"
  },
  {
    name: "sink: shards are divided by the rows of the dataset, not by those that the sampler draws",
    file: "sinks/PipelineRows.ts",
    from: "?.sampler.count(size) ?? size",
    to: " === undefined ? size : size",
    test: "test/sinks/lossless.test.ts"
  },
  {
    name: "blocks: rows are taken before all blocks of their batch are there",
    file: "sources/shards/TakeByBlock.ts",
    from: "if (!cache.hasRoom(missing.map(({ block }) => block))) return each(missing, take, bad)",
    to: "if (missing.length > 0) return each(missing, take, bad)",
    test: "test/sources/shards/TakeByBlock.test.ts"
  },
  {
    name: "blocks: one that cannot be read is read again for the rows beside it",
    file: "sources/shards/TakeByBlock.ts",
    from: "const good = missing.filter(({ block }) => !bad.blocks.has(block))",
    to: "const good = missing",
    test: "test/sources/shards/TakeByBlock.test.ts"
  },
  {
    name: "blocks: rows that waited are given to the run that reads by then",
    file: "sources/shards/TakeByBlock.ts",
    from: "cache.turnTo(run)\n      const good",
    to: "const good",
    test: "test/sources/shards/TakeByBlock.test.ts"
  },
  {
    name: "blocks: a read that stalls is waited for again by whoever gave it up",
    file: "sources/shards/BlockCache.ts",
    from: "own.isGivenUp ||= isInterrupted",
    to: "",
    test: "test/sources/shards/BlockCache.test.ts"
  },
  {
    name: "read-ahead: a read that stalls goes on although the batch that asked has given it up",
    file: "sources/shards/BlockCache.ts",
    from: "if (isInterrupted && own.isAhead && own.waiting === 1) {",
    to: "if (own.waiting < 0) {",
    test: "test/sources/shards/BlockCache.test.ts"
  },
  {
    name: "blocks: one that was read twice is kept twice",
    file: "sources/shards/BlockCache.ts",
    from: "if (isLarger || kept.peek(block) !== undefined) read.dropped = decoded",
    to: "if (isLarger) read.dropped = decoded",
    test: "test/sources/shards/BlockCache.test.ts"
  },
  {
    name: "blocks: a read that was given up, and by then by all, goes on",
    file: "sources/shards/BlockCache.ts",
    from: "if (own.fiber === undefined || !(isPending || own.isGivenUp)) return Effect.void",
    to: "if (own.fiber === undefined || !isPending) return Effect.void",
    test: "test/sources/shards/BlockCache.test.ts"
  },
  {
    name: "read-ahead: it takes room that blocks in use have",
    file: "sources/shards/BlockCache.ts",
    from: "return kept.hasRoom(bytes * Math.max(1, found / expected))",
    to: "return true",
    test: "test/sources/shards/ReadAhead.test.ts"
  },
  {
    name: "read-ahead: all blocks that are kept count as needed, so that one of them goes that is",
    file: "sources/shards/ReadAhead.ts",
    from: "this.#begun.set(block, KEPT)",
    to: "",
    test: "test/sources/shards/ReadAhead.test.ts"
  },
  {
    name: "shards: blocks are kept until all of their rows were given, whatever a view has of them",
    file: "sources/shards/ReadAhead.ts",
    from: "      this.#rows.set(block, rows)\n",
    to: "",
    test: "test/sources/shards/ReadAhead.test.ts"
  },
  {
    name: "shards: a window of blocks is kept while the next one is read",
    file: "sources/shards/BlockCache.ts",
    from: "    kept.dropFinished()\n",
    to: "",
    test: "test/sources/shards/BlockCache.test.ts"
  },
  {
    name: "lines: the places of a block's lines are garbage until a full collection",
    file: "sources/formats/lines/Lines.ts",
    from: "      spans.release()\n",
    to: "",
    test: "test/sources/formats/lines/Spans.test.ts"
  },
  {
    name: "blocks: those whose rows were given are kept in vain",
    file: "sources/shards/Retention.ts",
    from: "if (this.#wasted > WASTED + 2 * this.#reused)",
    to: "if (this.#wasted > 1e9)",
    test: "test/sources/shards/Retention.test.ts"
  },
  {
    name: "lines: bytes that are not UTF-8 become U+FFFD",
    file: "sources/formats/lines/JointTexts.ts",
    from: "text.includes(REPLACED) && !isUtf8(bytes) ? undefined : text.split",
    to: "text.length < 0 ? undefined : text.split",
    test: "test/sources/formats/lines/JointTexts.test.ts"
  },
  {
    name: "lines: what is between two of them that follow one another is taken for one newline",
    file: "sources/formats/lines/JointTexts.ts",
    from: "starts[place + next] === end + 1 &&",
    to: "place + next < starts.length &&",
    test: "test/sources/formats/lines/JointTexts.test.ts"
  },
  {
    name: "lines: a value that goes over two lines is taken for one line's, of those that are parsed together",
    file: "sources/formats/lines/JsonValues.ts",
    from: "own?.length === count ? own : undefined",
    to: "own",
    test: "test/sources/formats/lines/JsonValues.test.ts"
  },
  {
    name: "lines: a block that is parsed at once may have another number of rows than its index says",
    file: "sources/formats/lines/ParsedBlock.ts",
    from: "return found === count ?",
    to: "return found > 0 ?",
    test: "test/sources/formats/lines/JsonValues.test.ts"
  },
  {
    name: "lines: a row of a block that is parsed at once is given twice",
    file: "sources/formats/lines/ParsedBlock.ts",
    from: "else this.#rows.fill(undefined, first, first + count)",
    to: "",
    test: "test/sources/formats/lines/JsonValues.test.ts"
  },
  {
    name: "lines: a row is given although rows before it have not been read, between which blank lines may be",
    file: "sources/formats/lines/RowsInOrder.ts",
    from: "place < 0 || place > this.#read",
    to: "place < 0 || place > this.#lines.length",
    test: "test/sources/formats/lines/RowsInOrder.test.ts"
  },
  {
    name: "lines: a bad row that was read in order counts as none",
    file: "sources/formats/lines/RowsInOrder.ts",
    from: "if (place === this.#read) this.#read++",
    to: "",
    test: "test/sources/formats/lines/RowsInOrder.test.ts"
  },
  {
    name: "lines: a block with more rows than its index says is read in order",
    file: "sources/formats/lines/RowsInOrder.ts",
    from: "return row < this.#count - 1 || this.#ends() ? own : undefined",
    to: "return own",
    test: "test/sources/formats/lines/RowsInOrder.test.ts"
  },
  {
    name: "csv: a record of several lines is taken for lines, of those that are decoded together",
    file: "sources/formats/csv/Cells.ts",
    from: "spans.hasNewlines = true",
    to: "spans.hasNewlines = false",
    test: "test/sources/formats/Csv.test.ts"
  },
  {
    name: "csv: threads take a record of several lines for lines",
    file: "sources/formats/lines/LineBlocks.ts",
    from: "hasNewlines ? 1 : 0",
    to: "0",
    test: "test/sources/formats/SharedDecode.test.ts"
  },
  {
    name: "cache: what one run is given of a block counts for the run that it was read for",
    file: "sources/shards/BlockCache.ts",
    from: "if (own.run === asker) own.own -= rows",
    to: "if (own.run !== undefined) own.own -= rows",
    test: "test/sources/shards/ReadAhead.test.ts"
  },
  {
    name: "cache: blocks of a run that was closed wait for its rows",
    file: "sources/shards/BlockCache.ts",
    from: "if (own.run === run) own.own = 0",
    to: "",
    test: "test/sources/shards/ReadAhead.test.ts"
  },
  {
    name: "cache: a run that reads is not the one that is accounted for",
    file: "scheduler/build/Lookahead.ts",
    from: "    this.#turn?.()\n",
    to: "",
    test: "test/sources/shards/ReadAhead.test.ts"
  },
  {
    name: "s3: an upload that is given up is not aborted",
    file: "sources/store/s3/Upload.ts",
    from: "Effect.onError(() => upload.abort)",
    to: "Effect.onError(() => Effect.void)",
    test: "test/sources/store/s3/Answers.test.ts"
  },
  {
    name: "s3: an error behind a 200 counts as an upload",
    file: "sources/store/s3/Upload.ts",
    from: 'if (name === "CompleteMultipartUploadResult") return undefined',
    to: 'if (name !== "") return undefined',
    test: "test/sources/store/s3/Answers.test.ts"
  },
  {
    name: "s3: credentials that have expired are sent again",
    file: "sources/store/s3/Requests.ts",
    from: "        yield* credentials.expire(own)\n",
    to: "",
    test: "test/sources/store/s3/Answers.test.ts"
  },
  {
    name: "s3: an error quotes a secret that the server tells",
    file: "sources/store/s3/Failure.ts",
    from: 'own.replaceAll(secret, "<redacted>")',
    to: "own.replaceAll(secret, secret)",
    test: "test/sources/store/s3/Answers.test.ts"
  },
  {
    name: "s3: a listing ends with its first page",
    file: "sources/store/s3/Listing.ts",
    from: "next: isCut ? next : undefined",
    to: "next: undefined",
    test: "test/sources/store/s3/Answers.test.ts"
  },
  {
    name: "cached: checksums are not compared",
    file: "sources/store/cached/BlockFile.ts",
    from: "sumOf(bytes.subarray(at, at + CHUNK), salt)) return false",
    to: "sumOf(bytes.subarray(at, at + CHUNK), salt)) continue",
    test: "test/sources/store/cached/Cached.test.ts"
  },
  {
    name: "cached: a changed object has the blocks of its old self",
    file: "sources/store/cached/Cached.ts",
    from: "[location, size, version, blockBytes]",
    to: "[location, size, blockBytes]",
    test: "test/sources/store/cached/Cached.test.ts"
  },
  {
    name: "cached: what others reserved is not counted",
    file: "sources/store/cached/Space.ts",
    from: "Number((block ?? held)?.[1] ?? 0)",
    to: "Number(block?.[1] ?? 0)",
    test: "test/sources/store/cached/Cached.test.ts"
  },
  {
    name: "cached: the blocks that were used last go first",
    file: "sources/store/cached/Space.ts",
    from: "(times.get(a) ?? 0) - (times.get(b) ?? 0)",
    to: "(times.get(b) ?? 0) - (times.get(a) ?? 0)",
    test: "test/sources/store/cached/Cached.test.ts"
  },
  {
    name: "the hub: a revision moves while its files are read",
    file: "sources/store/HuggingFace.ts",
    from: "Effect.map(placeOf(addressOf(object)), ({ path, repository, revision }) => ({",
    to: "Effect.map(placeOf(object.location), ({ path, repository, revision }) => ({",
    test: "test/sources/store/HuggingFace.test.ts"
  },
  {
    name: "files: one that was put in the place of another is taken for it",
    file: "sources/store/Version.ts",
    from: "a[3] !== b[3]",
    to: "a[3] === undefined",
    test: "test/sources/store/Store.test.ts"
  },
  {
    name: "blocks: a kept index is used although the shard has changed",
    file: "sources/shards/Open.ts",
    from: "    if (!sameVersion(own.info.version, info.version)) return undefined\n",
    to: "",
    test: "test/sources/shards/Open.test.ts"
  },
  {
    name: "blocks: other bytes of the same size are the same content",
    file: "sources/shards/SeenBytes.ts",
    from: "scanned = crc32(next, scanned)",
    to: "scanned = next.length",
    test: "test/sources/shards/Open.test.ts"
  },
  {
    name: "sinks: a run that goes on writes rows of its first batch again",
    file: "sinks/WriteShards.ts",
    from: "    pending.from = skip\n",
    to: "    pending.from = 0 * skip\n",
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: a shard that ends within a batch leaves the rest of the batch to nobody",
    file: "sinks/WriteShards.ts",
    from: "const mark = isLeft ? pending.mark : yield* source.mark",
    to: "const mark = isLeft && pending.from < 0 ? pending.mark : yield* source.mark",
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: two runs of a process write to one folder",
    file: "sinks/Folder.ts",
    from: "if (own.has(location)) return",
    to: 'if (own.has("other")) return',
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: a run goes on although another one has taken its place",
    file: "sinks/WriteShards.ts",
    from: 'Manifest.decodeProgress(text ?? "")?.run !== run',
    to: 'Manifest.decodeProgress(text ?? "")?.run === ""',
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: the folder of another sink is written to",
    file: "sinks/WriteShards.ts",
    from: "own !== undefined && own.sink !== sink.made",
    to: "own !== undefined && own.sink === undefined",
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: a file of others that comes while the shard is written is overwritten",
    file: "sinks/WriteShards.ts",
    from: "if (!isSame) return yield* foreignTo(folder, shard.name)",
    to: "if (!isSame) return",
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: a shard that another runtime has compressed is taken for a file of others",
    file: "sinks/SameShard.ts",
    from: "return compression !== undefined && (yield* contentOf(parts, compression)) === content",
    to: 'return compression === undefined && (yield* contentOf(parts, "gzip")) === content',
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: a file of others in the place of a shard is found when its rows were made",
    file: "sinks/WriteShards.ts",
    from: "if (!isThere || mayBeOwn) return isThere",
    to: 'if (!isThere || mayBeOwn || name !== "") return isThere',
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: a file of others that is as long as the shard is taken for it",
    file: "sinks/SameShard.ts",
    from: "if (size === bytes && (yield* hashOf(parts)) === sha256) return true",
    to: "if (size === bytes) return true",
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: a finished run does not see that a shard is gone",
    file: "sinks/WriteShards.ts",
    from: "if (info?.size === bytes) return Effect.void",
    to: "if (info === undefined || info.size === bytes) return Effect.void",
    test: "test/sinks/Sink.test.ts"
  },
  {
    name: "sinks: the lock of a process that is there is taken",
    file: "sources/shards/FileLock.ts",
    from: 'got === "held" ? held : holding(path, got, use)',
    to: 'got === "held" ? holding(path, "ours", use) : holding(path, got, use)',
    test: "test/sinks/disk.test.ts"
  },
  {
    name: "sinks: row groups of Parquet lie where the first one does",
    file: "sources/sinks/parquet/Write.ts",
    from: "reader.int(value) + shift",
    to: "reader.int(value) + 0 * shift",
    test: "test/sinks/formats.test.ts"
  },
  {
    name: "sinks: record batches of Arrow are counted from the last block",
    file: "sources/sinks/arrow/Write.ts",
    from: "this.#offset += plain.length - counted",
    to: "this.#offset = plain.length - counted",
    test: "test/sinks/formats.test.ts"
  },
  {
    name: "sinks: shards of a manifest are not compared with it",
    file: "sources/shards/Checksums.ts",
    from: "isSound = digest === expected",
    to: 'isSound = digest !== ""',
    test: "test/sources/shards/Checksums.test.ts"
  },
  {
    name: "blocks: a lock that cannot be removed is waited for",
    file: "sources/shards/FileLock.ts",
    from: 'if (!stats.isFile()) return "it is not a file"',
    to: "if (!stats.isFile()) return undefined",
    test: "test/sources/shards/Open.test.ts"
  },
  {
    name: "blocks: an index of which a bit is another is used",
    file: "sources/shards/IndexFile.ts",
    from: "check !== checkOf(format, shards, body)",
    to: "check === undefined",
    test: "test/sources/shards/Open.test.ts"
  },
  {
    name: "folders: a README beside the shards is a shard",
    file: "sources/shards/ShardList.ts",
    from: "if (isOwn(object)) return true",
    to: "if (object !== undefined) return true",
    test: "test/sources/shards/ShardList.test.ts"
  },
  {
    name: "folders: what describes a dataset of the Hub is a shard",
    file: "sources/shards/ShardList.ts",
    from: " && !isDescription(location)",
    to: " && (!isDescription(location) || true)",
    test: "test/sources/shards/ShardList.test.ts"
  },
  {
    name: "stores: a file is read twice under two spellings of its path",
    file: "sources/store/FindObjects.ts",
    from: "const own = oneSpelling(location)",
    to: "const own = location",
    test: "test/sources/store/Store.test.ts"
  },
  {
    name: "cursors: a copy of a folder is another dataset",
    file: "sources/shards/Open.ts",
    from: "isNamed: name !== undefined",
    to: "isNamed: true",
    test: "test/sources/shards/Open.test.ts"
  },
  {
    name: "blocks: each process that wants an index builds it",
    file: "sources/shards/FileLock.ts",
    from: 'codeOf(error) === "EEXIST" ? "held"',
    to: 'codeOf(error) === "EEXIST" ? "none"',
    test: "test/sources/shards/Open.test.ts"
  },
  {
    name: "zstd: of several frames the first alone is read",
    file: "sources/formats/Zstd.ts",
    from: "      at += end\n    }\n    return joined",
    to: "      at = bytes.length\n    }\n    return joined",
    test: "test/sources/formats/Zstd.test.ts"
  },
  {
    name: "csv: a delimiter that was found once is found behind it, too",
    file: "sources/formats/csv/Cells.ts",
    from: "if (at < this.#from || at > this.#found) {",
    to: "if (at < this.#from || this.#found < 0) {",
    test: "test/sources/formats/Csv.test.ts"
  },
  {
    name: "csv: numbers of 17 digits are read as if they were exact",
    file: "sources/formats/csv/ShortDecimal.ts",
    from: "const DIGITS = 15",
    to: "const DIGITS = 17",
    test: "test/sources/formats/csv/ShortDecimal.test.ts"
  },
  {
    name: "parquet: an index beyond its dictionary is taken for a value",
    file: "sources/formats/parquet/NumberColumn.ts",
    from: "if (most >= dictionary.size) throw",
    to: "if (most > 2 ** 32) throw",
    test: "test/sources/formats/parquet/Parquet.test.ts"
  },
  {
    name: "columns: rows that follow one another begin with the row behind the first",
    file: "sources/Columnar.ts",
    from: "return new Places(size, first, undefined)",
    to: "return new Places(size, first + 1, undefined)",
    test: "test/sources/shards/GatherColumns.test.ts"
  },
  {
    name: "lines: the bytes of a block are garbage until a full collection",
    file: "sources/formats/lines/Lines.ts",
    from: "      giveBack(bytes)\n",
    to: "",
    test: "test/sources/formats/lines/Spans.test.ts"
  },
  {
    name: "lines: a byte order mark that two members share is text",
    file: "sources/formats/lines/LineBlocks.ts",
    from: "total >= MARK || isLast",
    to: "total > 0 || isLast",
    test: "test/sources/formats/Jsonl.test.ts"
  },
  {
    name: "lines: windows of plain text begin with its byte order mark",
    file: "sources/formats/lines/LineBlocks.ts",
    from: "windowBlocks(at, size",
    to: "windowBlocks(head, size",
    test: "test/sources/formats/Jsonl.test.ts"
  },
  {
    name: "blocks: a row that goes on in the next gzip member is lost",
    file: "sources/formats/lines/LineBlocks.ts",
    from: "let left = total - to\n",
    to: "let left = 0 * (total - to)\n",
    test: "test/sources/formats/Jsonl.test.ts"
  },
  {
    name: "rows in ordinary memory: the middle of each is that of the row before",
    file: "core/runtime.ts",
    from: "own.copy(target, at, from, from + bytes)",
    to: "own.copy(target, at + 1, from - bytes + 1, from - 1)",
    test: "test/core/runtime.test.ts"
  },
  {
    name: "an interrupt that a step brings about does not end the loop",
    file: "scheduler/loader/ForEach.ts",
    from: "if (!Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause))) return interrupted",
    to: "if (Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause)) && false) return interrupted",
    test: "test/scheduler/loader/ForEach.test.ts"
  },
  {
    name: "forEach: an interrupt that a step brings about waits for later steps",
    file: "scheduler/loader/ForEach.ts",
    from: " || hasMessages(fiber)) return done",
    to: ") return done",
    test: "test/scheduler/loader/ForEach.test.ts"
  },
  {
    name: "forEach: a step that fails is taken for one that leaves nothing to run",
    file: "scheduler/loader/ForEach.ts",
    from: "if (!(goesOn && isSuccess(done)) ||",
    to: "if (!goesOn ||",
    test: "test/scheduler/loader/ForEach.test.ts"
  },
  {
    name: "forEach: other fibers wait for all steps that leave nothing to run",
    file: "scheduler/loader/ForEach.ts",
    from: "--left === 0 ||",
    to: "--left === 0.5 ||",
    test: "test/scheduler/loader/ForEach.test.ts"
  },
  {
    name: "consecutive ordinals are packed one too high",
    file: "seeding/Counter.ts",
    from: "((first + row) << shift) // as below",
    to: "((first + row + 1) << shift) // as below",
    test: "test/seeding/Counter.test.ts"
  },
  {
    name: "tables: the values of chosen columns come in the order of the schema",
    file: "sources/formats/parquet/Read.ts",
    from: "for (const at of chosen.toSorted((a, b) => a - b)) {",
    to: "for (const at of chosen) {",
    test: "test/sources/formats/Tables.test.ts"
  },
  {
    name: "tables: a decoder that trapped decodes the next block",
    file: "sources/formats/parquet/Library.ts",
    from: "if (Object.getPrototypeOf(thrown) !== Error.prototype) decoder = undefined",
    to: "if (Object.getPrototypeOf(thrown) === Object.prototype) decoder = undefined",
    test: "test/sources/formats/Tables.test.ts"
  },
  {
    name: "tables: buffers of chosen columns are read wherever they are said to lie",
    file: "sources/formats/arrow/ArrowIndex.ts",
    from: "if (start < 0 || length < 0 || start + length > body) {",
    to: "if (start < 0) {",
    test: "test/sources/formats/arrow/Arrow.test.ts"
  },
  {
    name: "tables: INT96 wraps around behind the year 2262",
    file: "sources/formats/parquet/Twelve.ts",
    from: 'if (type === INT96) return "int96"',
    to: "if (type === INT96) return undefined",
    test: "test/sources/formats/parquet/Parquet.test.ts"
  },
  {
    name: "tables: the checksum of a page is not looked at",
    file: "sources/formats/parquet/Pages.ts",
    from: "stated !== undefined && reader.int(stated) >>> 0 !==",
    to: "stated !== undefined && reader.int(stated) <",
    test: "test/sources/formats/parquet/Parquet.test.ts"
  },
  {
    name: "tables: a dictionary is allocated as long as it says",
    file: "sources/formats/parquet/Pages.ts",
    from: "if (values >= 0 && values <= size) return",
    to: "if (values >= 0) return",
    test: "test/sources/formats/parquet/Parquet.test.ts"
  },
  {
    name: "tables: a shard is not held against the index that was kept of it",
    file: "sources/formats/Headers.ts",
    from: "if (!sameBlocks(own.index, place.index)) {",
    to: "if (!sameBlocks(own.index, own.index)) {",
    test: "test/sources/formats/Tables.test.ts"
  },
  {
    name: "tar: a damaged header is taken for a sound one",
    file: "sources/formats/tar/Header.ts",
    from: "stated !== sum && stated !== signedSum(bytes, from)",
    to: "stated < 0 && stated !== sum",
    test: "test/sources/formats/tar/Header.test.ts"
  },
  {
    name: "tar: the second of two archives in one file is lost",
    file: "sources/formats/tar/Scan.ts",
    from: "if (isZero(bytes, from, bytes.length)) return",
    to: "if (from >= 0) return",
    test: "test/sources/formats/tar/Tar.test.ts"
  },
  {
    name: "tar: an archive without an end passes",
    file: "sources/formats/tar/Scan.ts",
    from: "if (at + needs > size) return yield* cutShort(at, size, fault)",
    to: "if (at + needs > size) break",
    test: "test/sources/formats/tar/Tar.test.ts"
  },
  {
    name: "tar: a sample is cut in two where a block is full",
    file: "sources/formats/tar/Scan.ts",
    from: "if (sample !== undefined) this.#begin(sample)",
    to: "if (sample !== undefined || this.#rows > 1) this.#begin(sample ?? { key: String(member.offset), start: member.start, extensions: [], offsets: [], sizes: [] })",
    test: "test/sources/formats/tar/Tar.test.ts"
  },
  {
    name: "npy: rows of Fortran order are read as those of C order",
    file: "sources/formats/npy/Layout.ts",
    from: "  isFortran && shape.length > 1\n",
    to: "  isFortran && shape.length > 9\n",
    test: "test/sources/formats/npy/Npy.test.ts"
  },
  {
    name: "npz: a checksum is not looked at",
    file: "sources/formats/npz/Read.ts",
    from: "if (crc32(plain) !== crc)",
    to: "if (crc < 0)",
    test: "test/sources/formats/npz/Npz.test.ts"
  },
  {
    name: "safetensors: tensors may overlap",
    file: "sources/formats/safetensors/Layout.ts",
    from: "if (offset !== end) {",
    to: "if (offset > end) {",
    test: "test/sources/formats/safetensors/Safetensors.test.ts"
  },
  {
    name: "arrays: every block has the first block's rows",
    file: "sources/formats/Arrays.ts",
    from: "offset + row * (widths[place] as number),",
    to: "offset + 0 * row * (widths[place] as number),",
    test: "test/sources/formats/npz/Npz.test.ts"
  },
  {
    name: "a window's order depends on what was asked before",
    file: "sampling/ShuffleWindow.ts",
    from: "words.at(window)",
    to: "words.at(known.size)",
    test: "test/sampling/ShuffleWindow.test.ts"
  },
  {
    name: "stream: read on behind the place where it was",
    file: "sources/stream/Interleave.ts",
    from: "if (offset === undefined) slot.drop = slot.taken",
    to: "if (offset === undefined) slot.drop = slot.taken + 1",
    test: "test/scheduler/loader/Streams.test.ts"
  },
  {
    name: "stream: a cursor holds a place behind the window that is being delivered",
    file: "scheduler/loader/CursorWrite.ts",
    from: "Math.floor(rowOf(runPlan, position) / window), window)",
    to: "Math.floor(rowOf(runPlan, position) / window) + 1, window)",
    test: "test/scheduler/loader/Streams.test.ts"
  },
  {
    name: "stream: the samples that fill the last batch are read again",
    file: "scheduler/backends/StreamBackend.ts",
    from: 'first: tail === "pad" ? Math.ceil(batchSize / size) : 0',
    to: "first: 0 * tail.length",
    test: "test/scheduler/loader/Streams.test.ts"
  },
  {
    name: "stream: read without end",
    file: "sources/stream/WindowReader.ts",
    from: "() => reading.next <= reading.asked + AHEAD && reading.next < reading.floor + most",
    to: "() => reading.next <= reading.asked + 8 * AHEAD",
    test: "test/scheduler/loader/Streams.test.ts"
  },
  {
    name: "stream: first samples that are read again hold up the workers ahead",
    file: "sources/stream/WindowReader.ts",
    from: "if (before !== undefined) return before.floor",
    to: "if (before !== undefined && number < 0) return before.floor",
    test: "test/scheduler/loader/StreamPadding.test.ts"
  },
  {
    name: "stream: only the ranks that are dealt no samples fail",
    file: "scheduler/build/StreamRows.ts",
    from: '(plan.tail === "pad" && most > 0)',
    to: '(plan.tail === "pad" && most > 0 && own === 0)',
    test: "test/scheduler/loader/StreamRanks.test.ts"
  },
  {
    name: "stream: a worker that is through an epoch waits until the consumer comes to its queue",
    file: "scheduler/loader/WorkerQueues.ts",
    from: "if (!ready) this.skipTo(next)",
    to: "if (!ready && next < 0) this.skipTo(next)",
    test: "test/scheduler/loader/Streams.test.ts"
  },
  {
    name: "stream: a worker that is through its batches still needs windows",
    file: "scheduler/build/StreamRows.ts",
    from: "this.#floors[worker] = OVER",
    to: "if (worker < 0) this.#floors[worker] = OVER",
    test: "test/scheduler/loader/Streams.test.ts"
  },
  {
    name: "stream: ranks have unequal shares of the last batch",
    file: "scheduler/build/StreamRows.ts",
    from: "(stream?.part === undefined && left % plan.world !== 0)",
    to: "left < 0",
    test: "test/scheduler/loader/Streams.test.ts"
  },
  {
    name: "stream: a source that nobody reads on stays open",
    file: "sources/stream/Items.ts",
    from: "if (progress.isOver || own.return === undefined) return Effect.void",
    to: "if (progress.isOver || own.return !== undefined) return Effect.void",
    test: "test/scheduler/loader/Streams.test.ts"
  },
  {
    name: "stream: each rank reads the shards of the first one",
    file: "sources/stream/Interleave.ts",
    from: "shard % part.world === part.rank",
    to: "shard % part.world === 0 * part.rank",
    test: "test/scheduler/loader/StreamRanks.test.ts"
  },
  {
    name: "stream: the rows of a last round that is not full go to the first ranks",
    file: "sources/stream/RankRows.ts",
    from: "const from = Math.floor((rank * all) / world)",
    to: "const from = Math.min(rank * size, all)",
    test: "test/scheduler/loader/StreamRanks.test.ts"
  },
  {
    name: "stream: a rank that has a sample more than others delivers a batch more",
    file: "sources/stream/RankRows.ts",
    from: "least: before + Math.floor(all / world)",
    to: "least: before + own.size",
    test: "test/scheduler/loader/StreamRanks.test.ts"
  },
  {
    name: "stream: dealt rows of two ranks have one index",
    file: "sources/stream/RankRows.ts",
    from: "(first + place) * world + rank",
    to: "(first + place) * world + 0 * rank",
    test: "test/scheduler/loader/StreamRanks.test.ts"
  },
  {
    name: "stream: rows behind the declared batches are left out in silence",
    file: "scheduler/build/StreamRows.ts",
    from: 'if (isLast && plan.tail !== "drop" && most > row + full)',
    to: 'if (isLast && plan.tail === "drop" && most < row)',
    test: "test/scheduler/loader/StreamRanks.test.ts"
  },
  {
    name: "stream: a rank goes on within an epoch as another one",
    file: "scheduler/loader/CursorCheck.ts",
    from: 'stream.source.ranks.by !== "batches" && was.ranks !== now.ranks',
    to: 'stream.source.ranks.by === "batches" && was.ranks !== was.ranks',
    test: "test/scheduler/loader/StreamRanks.test.ts"
  },
  {
    name: "stream: threads are sent the rows of all batches of a worker at once",
    file: "scheduler/backends/remote/StreamedRequests.ts",
    from: "if (before !== undefined) before.push(own)",
    to: "if (before !== undefined) this.#read(worker, [own])",
    test: "test/scheduler/backends/threads/Streams.test.ts"
  },
  {
    name: "stream: a sample that cannot be read is built by threads all the same",
    file: "scheduler/backends/remote/SampleCodec.ts",
    from: "if (error !== undefined) throw decodeError(error)",
    to: "if (error !== undefined) return decodeError(error)",
    test: "test/scheduler/backends/threads/Streams.test.ts"
  },
  {
    name: "stream: a sample that loses its class on the way is sent to threads",
    file: "scheduler/backends/remote/SampleCodec.ts",
    from: "return takeTensors(value, tensors, true, depth)",
    to: "return takeTensors(value, tensors, false, depth)",
    test: "test/scheduler/backends/threads/Streams.test.ts"
  },
  {
    name: "stream: a getter of a sample is called again when it is sent to threads",
    file: "scheduler/backends/remote/SampleCodec.ts",
    from: "else own[key] = value",
    to: "else Object.defineProperty(own, key, { enumerable: true, get: () => taken(Reflect.get(record, key), [], 0) })",
    test: "test/scheduler/backends/remote/BatchCodec.test.ts"
  },
  {
    name: "stream: what structured clone refuses of a sample ends the run, whatever the failure policy",
    file: "scheduler/backends/threads/ThreadMember.ts",
    from: 'if (message._tag !== "Build" || message.request.samples === undefined) throw thrown',
    to: 'if (message._tag === "Build" || true) throw thrown',
    test: "test/scheduler/backends/threads/Streams.test.ts"
  },
  {
    name: "stream: threads build ahead however much memory that takes",
    file: "scheduler/backends/remote/Backlog.ts",
    from: "isFull ? this.#waiting.findIndex(({ isWanted }) => isWanted) : 0",
    to: "isFull ? this.#waiting.findIndex(() => true) : 0",
    test: "test/scheduler/backends/threads/Streams.test.ts"
  },
  {
    name: "stream: two workers that come to an epoch at the same time have it read twice",
    file: "sources/stream/WindowReader.ts",
    from: "if (this.#readings.get(epoch) !== before) return Effect.void",
    to: "if (this.#readings.get(epoch) === undefined && before !== undefined) return Effect.void"
  },
  {
    name: "stream: a shard whose end is cut off stays open",
    file: "sources/stream/Interleave.ts",
    from: "yield* Effect.uninterruptible(Scope.close(scope, Exit.void))",
    to: "yield* Scope.close(scope, Exit.void)"
  },
  {
    name: "auto: threads that end when their run is closed end by half",
    file: "scheduler/backends/Auto.ts",
    from: "Effect.uninterruptible(Scope.close(scope, Exit.void))",
    to: "Scope.close(scope, Exit.void)",
    test: "test/scheduler/backends/Auto.test.ts"
  },
  {
    name: "sinks: a writer that goes on forgets that it was within a batch",
    file: "sinks/WriteShards.ts",
    from: "source: mark, skip: isLeft ? pending.from : 0 }",
    to: "source: mark, skip: isLeft ? 0 : pending.from - pending.from }"
  },
  {
    name: "stream: zstd that is cut short ends",
    file: "sources/stream/Unzstd.ts",
    from: "if (frame === undefined && held.length === 0 && skipped === 0)",
    to: "if (held.length < 100)",
    test: "test/sources/stream/OpenStream.test.ts"
  },
  {
    name: "stream: a source that waits is not waited for when it is closed",
    file: "sources/stream/Items.ts",
    from: "CLOSING), (ended) =>",
    to: "0), (ended) =>",
    test: "test/sources/stream/Items.test.ts"
  },
  {
    name: "stream: shards take turns as they come",
    file: "sources/stream/Interleave.ts",
    from: "slot.shard += this.#slots.length",
    to: "slot.shard += this.#slots.length + (this.#row % 2)",
    test: "test/sources/stream/OpenStream.test.ts"
  },
  {
    name: "stream: a block that comes in order is read on from its first row",
    file: "sources/stream/BlockShard.ts",
    from: "[row, Math.min(drop, decoded.size)]",
    to: "[row, Math.min(drop, 0)]",
    test: "test/sources/stream/OpenStream.test.ts"
  },
  {
    name: "stream: a tar is cut within a sample",
    file: "sources/formats/tar/Cutter.ts",
    from: "const last = starts.at(-1)",
    to: "const last = starts.length > 1 ? walk.at : undefined",
    test: "test/sources/stream/OpenStream.test.ts"
  },
  {
    name: "stream: rows are numbered anew in each block that comes",
    file: "sources/stream/BlockShard.ts",
    from: "row += decoded.size",
    to: "row = decoded.size",
    test: "test/sources/stream/OpenStream.test.ts"
  },
  {
    name: "forEach: a close takes the batch of a plain step away",
    file: "scheduler/loader/ForEach.ts",
    from: "lends: true }\n  loan.beginSteps()\n",
    to: "lends: true }\n",
    test: "test/scheduler/loader/Steps.test.ts"
  },
  {
    name: "forEach: the batch of the last step stays lent",
    file: "scheduler/loader/ForEach.ts",
    from: "end: () => loan.endSteps() }",
    to: "end: () => {} }",
    test: "test/scheduler/loader/Steps.test.ts"
  },
  {
    name: "forEach: a step that fails leaves the run open",
    file: "scheduler/loader/Steps.ts",
    from: "          await leave()\n",
    to: "",
    test: "test/scheduler/loader/Steps.test.ts"
  },
  {
    name: "forEach: a step takes from its own run",
    file: "scheduler/loader/Steps.ts",
    from: "if (this.#areUnderWay) throw",
    to: "if (call.length === 0) throw",
    test: "test/scheduler/loader/Steps.test.ts"
  },
  {
    name: "cluster: what a runner had that is gone is not asked for elsewhere",
    file: "cluster/RunnerPool.ts",
    from: "for (const flight of [...begun, ...others]) this",
    to: "for (const flight of others) this",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a silent runner is waited for",
    file: "cluster/FrameSocket.ts",
    from: "if (this.#quiet * beat > silence)",
    to: "if (this.#quiet < 0)",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: the signs of life of a connection outlive it",
    file: "cluster/FrameSocket.ts",
    from: "    clearInterval(this.#beat)\n",
    to: "",
    test: "test/cluster/sim/simulate.test.ts"
  },
  {
    name: "cluster: a runner whose connection breaks is not tried again",
    file: "cluster/RunnerSeats.ts",
    from: "if (!seat.isListed) break",
    to: "break",
    test: "test/cluster/sim/simulate.test.ts"
  },
  {
    name: "cluster: nobody counts the deaths at a batch",
    file: "cluster/Deaths.ts",
    from: "if (deaths > restarts)",
    to: "if (deaths < restarts - restarts)",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a runner builds on for a loader that is gone",
    file: "cluster/Session.ts",
    from: "Effect.raceFirst(served, Deferred.await(ended)),",
    to: "Effect.zipRight(Deferred.await(ended), served),",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: nobody else is asked for what takes long",
    file: "cluster/Hedge.ts",
    from: "now() - flight.begun < limit) continue",
    to: "now() - flight.begun < 1e9 + limit) continue",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a token opens whatever it is",
    file: "cluster/Runner.ts",
    from: "admits: (shown) => token === undefined ||",
    to: "admits: (shown) => token !== undefined ||",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: the memory of a batch is used again while it is read",
    file: "cluster/RunnerMember.ts",
    from: "return contentOf(frame, hash, () => memory.give(body))",
    to: "memory.give(body)\n        return contentOf(frame, hash, () => undefined)",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a worker whose streams are carried leaves a draining runner before that has answered",
    file: "cluster/SeatChoice.ts",
    from: "if (pinned?.hasOf(worker) === true) return undefined",
    to: "if (pinned?.hasOf(worker) === null) return undefined",
    test: "test/cluster/sim/simulate.test.ts"
  },
  {
    name: "cluster: a connection that breaks counts as a runner that died",
    file: "cluster/Deaths.ts",
    from: "if (process === undefined || process !== doubt.process)",
    to: "if (process === undefined || process !== null)",
    test: "test/cluster/sim/breaks.test.ts"
  },
  {
    name: "cluster: a batch that was suspected for nothing keeps a runner for itself",
    file: "cluster/Deaths.ts",
    from: "else if (!this.isSuspect(pending))",
    to: "else if (this.isSuspect(pending))",
    test: "test/cluster/sim/breaks.test.ts"
  },
  {
    name: "cluster: streams that are carried go on elsewhere from their start",
    file: "cluster/RunnerPool.ts",
    from: "    seat.carried?.restart()\n    this.#choice.unpin(seat)\n",
    to: "    seat.carried?.restart()\n",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a runner is ordered more batches than it takes",
    file: "scheduler/backends/remote/CarriedRequests.ts",
    from: "most - this.#out.size",
    to: "all.length",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a batch is blamed for the death that another is known to be at",
    file: "cluster/RunnerPool.ts",
    from: "if (this.#carries) seat.died = flight.pending",
    to: "if (!this.#carries) seat.died = flight.pending",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a client that begins no handshake keeps its place",
    file: "cluster/Listening.ts",
    from: "(_, socket) => socket.destroy()",
    to: "() => undefined",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a loader that has shown its token loses its place to silent connections",
    file: "cluster/Session.ts",
    from: "    this.#admitted()\n",
    to: "",
    test: "test/cluster/Listening.test.ts"
  },
  {
    name: "cluster: a file of SQLite that was emptied is not noticed",
    file: "cluster/control/NodeSqlite.ts",
    from: "wasFilled && now.isEmpty",
    to: "!wasFilled && now.isEmpty && first === undefined",
    test: "test/cluster/control/LiveRunners.test.ts"
  },
  {
    name: "cluster: a run waits for a database that will never take it",
    file: "cluster/RunnerSeats.ts",
    from: "error instanceof RunnersError && error.isLasting === true",
    to: "error instanceof RunnersError && error.isLasting === undefined",
    test: "test/cluster/control/LiveRunners.test.ts"
  },
  {
    name: "cluster: a clamped array arrives as another",
    file: "service/FrameBytes.ts",
    from: "if (!clamped.includes(index)) return own",
    to: "if (clamped.includes(-1 - index)) return own",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a runner without heartbeats stays in the list",
    file: "cluster/control/Tables.ts",
    from: "const lately = rows.filter(({ age, expiry }) => age < expiry)",
    to: "const lately = rows.filter(({ expiry }) => expiry > 0)",
    test: "test/cluster/control/LiveRunners.test.ts"
  },
  {
    name: "cluster: a run gives up where all runners of a list that changes refuse it",
    file: "cluster/RunnerSeats.ts",
    from: "this.#options.runners.isFixed === true && this.#haveAllRefused",
    to: "this.#haveAllRefused",
    test: "test/cluster/Cluster.test.ts"
  },
  {
    name: "cluster: a runner that has had its answer taken back keeps its place among those with room",
    file: "cluster/SeatIndex.ts",
    from: "if (seat.hasRoom) this.#sink(seat, this.#rise(seat, place ?? this.#heap.length))",
    to: "if (seat.hasRoom) this.#rise(seat, place ?? this.#heap.length)",
    test: "test/cluster/SeatIndex.test.ts"
  },
  {
    name: "cluster: a socket is given all pieces of a frame at once, and copies them",
    file: "cluster/FrameSocket.ts",
    from: "    this.#pieces.push({ bytes, left })\n    if (!this.#isWriting) this.#next()",
    to: "    this.#pieces.push({ bytes, left })\n    this.#next()",
    test: "test/cluster/FrameSocket.test.ts"
  },
  {
    name: "cluster: nobody is told of what never leaves a connection that ends",
    file: "cluster/FrameSocket.ts",
    from: "for (const { left } of this.#pieces.splice(0)) left?.()",
    to: "this.#pieces.splice(0)",
    test: "test/cluster/FrameSocket.test.ts"
  },
  {
    name: "cluster: the list is empty where the database takes no heartbeats",
    file: "cluster/control/Tables.ts",
    from: "return lately.length > 0 ? lately : rows.filter(({ age, expiry }) => age - newest < expiry)",
    to: "return newest > 0 ? lately : rows.slice(0, lately.length)",
    test: "test/cluster/control/LiveRunners.test.ts"
  },
  {
    name: "cluster: the list is lost when the database is back",
    file: "cluster/control/LiveRunners.ts",
    from: "const runners = grace ? withLast(reading.runners, known) : reading.runners",
    to: "const runners = grace ? reading.runners : withLast(reading.runners, [])",
    test: "test/cluster/control/LiveRunners.test.ts"
  },
  {
    name: "cluster: each failure to read the list is an outage",
    file: "cluster/control/LiveRunners.ts",
    from: "if (failing === undefined) {",
    to: "if (now >= started) {",
    test: "test/cluster/control/LiveRunners.test.ts"
  },
  {
    name: "cluster: a file of SQLite that was removed or replaced stays in use",
    file: "cluster/control/NodeSqlite.ts",
    from: "else if (now.identity !== first)",
    to: "else if (now.identity === undefined)",
    test: "test/cluster/control/LiveRunners.test.ts"
  },
  {
    name: "cluster: a wrong password is tried again and again",
    file: "cluster/control/Connect.ts",
    from: "/^(?:28|3D|42)",
    to: "/^(?:3D|42)",
    test: "test/cluster/control/postgres.test.ts"
  },
  {
    name: "cluster: runners that start at once make the tables at once",
    file: "cluster/control/Tables.ts",
    from: "pg_advisory_xact_lock(",
    to: "abs(",
    test: "test/cluster/control/postgres.test.ts"
  },
  {
    name: "cluster: the spans of a runner are not those of the loader's run",
    file: "cluster/RunnerSpans.ts",
    from: "this.#parent = Option.some(parent)",
    to: "this.#parent = Option.filter(Option.some(parent), () => false)",
    test: "test/cluster/Trace.test.ts"
  },
  {
    name: "cluster: messages name the database with its password",
    file: "cluster/control/Database.ts",
    from: 'url.username === "" ? "" : ',
    to: 'url.username === "" ? "" : url.password + ',
    test: "test/cluster/control/postgres.test.ts"
  },
  {
    name: "service: a shared run keeps no batch for those who come behind",
    file: "service/SharedRun.ts",
    from: "if (this.#bytes <= this.#windowBytes || oldest.number >= this.#asked || oldest === step) break",
    to: "if (oldest.number >= this.#asked || oldest === step) break",
    test: "test/service/Service.test.ts"
  },
  {
    name: "service: whoever asks while a builder ends starts none",
    file: "service/SharedRun.ts",
    from: "this.#isBuilding = this.#isWanted\n      return this.#isBuilding",
    to: "return this.#isWanted",
    test: "test/service/Service.test.ts"
  },
  {
    name: "service: a builder that has ended is taken for one that builds",
    file: "service/SharedRun.ts",
    from: "this.#isBuilding = this.#isWanted\n      return this.#isBuilding",
    to: "this.#isBuilding = true\n      return this.#isWanted",
    test: "test/service/SharedRun.test.ts"
  },
  {
    name: "service: what is built ahead has no bound",
    file: "service/SharedRun.ts",
    from: "this.#aheadBytes + this.#newestBytes <= this.#windowBytes / 2",
    to: "this.#aheadBytes + this.#newestBytes >= 0 * this.#windowBytes",
    test: "test/service/SharedRun.test.ts"
  },
  {
    name: "service: a run that is closed leaves those who wait",
    file: "service/SharedRun.ts",
    from: "this.#isBuilding = false\n      this.#tell(undefined)",
    to: "this.#isBuilding = false",
    test: "test/service/SharedRun.test.ts"
  },
  {
    name: "service: the end of a body is not looked for",
    file: "service/HttpResponse.ts",
    from: 'if (this.#state !== "over") throw',
    to: "if (this.#state.length < 0) throw",
    test: "test/service/HttpResponse.test.ts"
  },
  {
    name: "service: a stream of Arrow's that fails looks whole",
    file: "service/ArrowStream.ts",
    from: "{ furrow }).bytes, CUT])",
    to: "{ furrow }).bytes, streamEnd()])",
    test: "test/service/Arrow.test.ts"
  },
  {
    name: "service: a reader joins a run at its start",
    file: "service/Runs.ts",
    from: "return { shared, at: from }",
    to: "return { shared, at: shared.start }",
    test: "test/service/Service.test.ts"
  },
  {
    name: "service: a reader joins a run that accepts differences, without accepting them",
    file: "service/Runs.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
    from: " ${allow.toSorted().join()}`",
    to: "`",
    test: "test/service/Service.test.ts"
  },
  {
    name: "cluster: the rollback of a transaction that did not begin hides why",
    file: "cluster/control/NodeSqlite.ts",
    from: 'sql === "ROLLBACK" && database.isTransaction === false',
    to: "false",
    test: "test/cluster/control/NodeSqlite.test.ts"
  },
  {
    name: "cluster: what meets the end of a transaction is no error of the database",
    file: "cluster/control/Tables.ts",
    from: "isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)",
    to: "Effect.die(defect)",
    test: "test/cluster/control/NodeSqlite.test.ts"
  },
  {
    name: "service: a long answer keeps all others waiting",
    file: "service/Answers.ts",
    from: "yield* response.writableLength >= MOST_UNSENT ? drained(response) : breath",
    to: "yield* response.writableLength < 0 ? drained(response) : Effect.void",
    test: "test/service/Ndjson.test.ts"
  },
  {
    name: "service: a frame's checksum is not looked at",
    file: "service/FrameBytes.ts",
    from: "if (this.#crc !== this.#expected)",
    to: "if (this.#crc !== this.#crc)",
    test: "test/service/Frame.test.ts"
  },
  {
    name: "service: a connection that broke goes on at where it began",
    file: "service/Connection.ts",
    from: 'if (came !== undefined && came.kind !== "end") this.#cursor = came.cursor',
    to: 'if (came?.kind === "begin") this.#cursor = came.cursor',
    test: "test/service/Connection.test.ts"
  },
  {
    name: "auto: a module that is not there is noticed when the run moves",
    file: "scheduler/backends/threads/ModuleFile.ts",
    from: "if (there) return Effect.void",
    to: "if (there || url.pathname.length > 0) return Effect.void",
    test: "test/scheduler/backends/Auto.test.ts"
  },
  {
    name: "repeats: streams without a name are taken for one",
    file: "scheduler/loader/Repeats.ts",
    from: "stream?.source.isNamed === false",
    to: 'stream?.source.name === ""',
    test: "test/scheduler/loader/Repeats.test.ts"
  },
  {
    name: "law 1: rows of a batch come in the order in which their blocks are read",
    file: "sources/shards/ShardedDataset.ts",
    from: "into[place] = validate === undefined",
    to: "into[into.findIndex((_, at) => !(at in into))] = validate === undefined",
    test: "test/laws/pure.test.ts"
  },
  {
    name: "law 1: the order within a window of blocks depends on the windows before it",
    file: "sampling/ShuffleBlocks.ts",
    from: "    words.at(from)\n",
    to: "    words.at(known.size)\n",
    test: "test/laws/pure.test.ts"
  },
  {
    name: "law 1: each batch of a stream has the indices of the first one",
    file: "scheduler/build/SampleIndices.ts",
    from: "streamed.indexAt(position + row)",
    to: "streamed.indexAt(position * 0 + row)",
    test: "test/laws/pure.test.ts"
  },
  {
    name: "law 1: a sink writes the rows of batches in the order in which they are ready",
    file: "sinks/PipelineRows.ts",
    from: "lend: true, replay: true }",
    to: 'lend: true, replay: true, order: "ready" as const }',
    test: "test/laws/pure.test.ts"
  },
  {
    name: "law 2: the rows of a stream are numbered anew in each window",
    file: "scheduler/build/StreamRows.ts",
    from: "window.index === undefined ? number * size + place",
    to: "window.index === undefined ? place",
    test: "test/laws/disjoint.test.ts"
  },
  {
    name: "law 2: all windows of blocks are permuted alike",
    file: "sampling/ShuffleBlocks.ts",
    from: "    words.at(from)\n",
    to: "    words.at(0)\n",
    test: "test/sampling/ShuffleBlocks.test.ts"
  },
  {
    name: "law 3: over shards and streams, too, a stage takes the seeds of the stage before it",
    file: "scheduler/build/SeedBinding.ts",
    from: "const known = this.#bound.get(stage)\n",
    to: "const known = this.#bound.get(stage) ?? [...this.#bound.values()].find((own) => own.stage.draws && stage.draws)\n",
    test: "test/laws/independent.test.ts"
  },
  {
    name: "law 4: the order of a stream's windows depends on the workers",
    file: "scheduler/build/StreamRows.ts",
    from: "const order = this.#orderOf(at.epoch)",
    to: "const order = this.#orderOf(at.epoch + Math.min(1, this.#floors.length >> 1))",
    test: "test/laws/elastic.test.ts"
  },
  {
    name: "law 4: ranks are dealt lanes of one length, whatever is left of the rows",
    file: "sampling/ShuffleBlocks.ts",
    from: "boundary(lane + 1, lanes, size) - boundary(lane, lanes, size)),",
    to: "Math.floor(size / lanes) + 0 * lane),",
    test: "test/sampling/ShuffleBlocks.test.ts"
  },
  {
    name: "law 5: windows of a stream do not say that they draw",
    file: "pipeline/Pipeline.ts",
    from: "draws: true,\n  sampler: windowed(window)",
    to: "draws: false,\n  sampler: windowed(window)",
    test: "test/laws/typed.test.ts"
  },
  {
    name: "law 5: windows of blocks do not say that they draw",
    file: "sampling/ShuffleBlocks.ts",
    from: "draws: true",
    to: "draws: false",
    test: "test/laws/typed.test.ts"
  },
  {
    name: "law 7: rows of shards go through their schema twice",
    file: "sources/shards/ShardedDataset.ts",
    from: "const own = check(row)",
    to: "const own = check(row) && check(row)",
    test: "test/laws/once.test.ts"
  },
  {
    name: "law 7: rows of a stream go through their schema twice",
    file: "sources/stream/BlockShard.ts",
    from: "const own = validate(decoded.row(place))",
    to: "const own = validate(decoded.row(place)) && validate(decoded.row(place))",
    test: "test/laws/once.test.ts"
  },
  {
    name: "law 7: rows of kept blocks go around their schema",
    file: "sources/shards/ShardedDataset.ts",
    from: "ready: validate === undefined ? ready : undefined",
    to: "ready: validate === undefined ? ready : ready",
    test: "test/laws/once.test.ts"
  },
  {
    name: "blocks: of several bad rows the one of the block that is read first is named",
    file: "sources/shards/RowsByBlock.ts",
    from: "if (place < this.#first) this.#first = place",
    to: "if (this.errors.size === 1) this.#first = place",
    test: "test/sources/shards/Open.test.ts"
  },
  {
    name: "tables: an integer that is no exact number costs its whole block",
    file: "sources/formats/arrow/ArrowBlock.ts",
    from: "if (!(thrown instanceof InexactNumber)) throw thrown",
    to: "if (thrown !== undefined) throw thrown",
    test: "test/sources/formats/InexactNumbers.test.ts"
  },
  {
    name: "tables: an integer that is no exact number costs its whole block where threads share it",
    file: "sources/formats/arrow/ArrowParts.ts",
    from: "if (thrown instanceof InexactNumber) return undefined",
    to: "if (thrown === undefined) return undefined",
    test: "test/sources/formats/InexactNumbers.test.ts"
  },
  {
    name: "stream: shards with other columns are mixed",
    file: "sources/stream/BlockShard.ts",
    from: "if (other !== undefined) return Effect.fail(other)",
    to: "if (other !== undefined) isCompared = true",
    test: "test/sources/stream/OpenStream.test.ts"
  },
  {
    name: "a view locates its own rows for those below",
    file: "sources/views/View.ts",
    from: "locate && ((index: number) => locate(place(index)))",
    to: "locate",
    test: "test/sources/shards/Locate.test.ts"
  },
  {
    name: "lines: the bytes of rows of a packed shard are counted from where its members were joined",
    file: "sources/formats/lines/LineBlocks.ts",
    from: "all - total + from]",
    to: "from]",
    test: "test/sources/shards/Locate.test.ts"
  },
  {
    name: "tar: the bytes of a sample are those of its last file alone",
    file: "sources/formats/tar/Read.ts",
    from: "starts: samples.map(({ start }) => start)",
    to: "starts: samples.map(({ offsets }) => (offsets.at(-1) ?? 0) - 512)",
    test: "test/sources/shards/Locate.test.ts"
  },
  {
    name: "sink: columns round to the float32 of the first rows",
    file: "sources/sinks/columns/ColumnBuilder.ts",
    from: 'type === "float32" && this.#rounds',
    to: 'type === "float32"',
    test: "test/sinks/lossless.test.ts"
  },
  {
    name: "sink: fields of a list's own are left out",
    file: "core/Beside.ts",
    from: "if (last === undefined || isIndex(last, list.length)) return",
    to: "if (last !== undefined || list.length === 0) return",
    test: "test/sinks/lossless.test.ts"
  },
  {
    name: "sink: a column without a row for each sample is written",
    file: "sinks/RowSource.ts",
    from: "if (rows === size) {",
    to: "if (rows !== undefined) {",
    test: "test/sinks/lossless.test.ts"
  },
  {
    name: "threads: other code than the program's builds batches",
    file: "scheduler/backends/remote/RemoteBuilder.ts",
    from: "code.hash !== start.code",
    to: "code.hash === undefined",
    test: "test/scheduler/backends/threads/Code.test.ts"
  },
  {
    name: "auto: a run goes on by code that may not be what built its first batches",
    file: "scheduler/backends/threads/ModuleFile.ts",
    from: "code.newest.at <= BEGAN",
    to: "code.newest.at !== BEGAN",
    test: "test/scheduler/backends/Auto.test.ts"
  },
  {
    name: "threads: of data in memory a few samples are compared",
    file: "scheduler/plan/Fingerprint.ts",
    from: 'datasetText(pipeline.dataset, size, "full"), linesOf',
    to: 'datasetText(pipeline.dataset, size, "brief"), linesOf',
    test: "test/scheduler/plan/Fingerprint.test.ts"
  },
  {
    name: "s3: an upload that is given up while it begins is left there",
    file: "sources/store/s3/Upload.ts",
    from: "if (beginning === undefined || this.#id !== undefined) return Effect.void",
    to: "if (beginning !== undefined || this.#id !== undefined) return Effect.void",
    test: "test/sources/store/s3/Answers.test.ts"
  }
]
