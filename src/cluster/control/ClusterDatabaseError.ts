/**
 * Why the database of a cluster cannot be used. It is part of the public types, so this file imports no type of a package that
 * is optional.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/** The database of a cluster cannot be used. @category errors @since 0.1.0 */
export class ClusterDatabaseError extends Data.TaggedError("ClusterDatabaseError")<{
  /**
   * `"unreachable"`: temporary, worth retrying. `"refused"`: permanent, such as a wrong password, a database that does not
   * exist, or a file that is not a database. `"package"`: an optional package is not installed. `"tables"`: the tables cannot
   * be created or read. `"version"`: a newer version of Furrow created them.
   */
  readonly kind: "unreachable" | "refused" | "package" | "tables" | "version"
  /** The database, without its password. */
  readonly database: string
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `the cluster's database ${this.database} ${this.reason}`
  }
}
