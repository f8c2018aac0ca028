import type { SlotLinks } from "./slot-list.ts";
import { SlotList } from "./slot-list.ts";

/**
 * A waiting list of slots that belong to classes: first in, first out within a class, and classes in turn, so that who waits a lot holds up only
 * himself. With one class it is a list.
 */
export class ClassQueue {
  size = 0;
  readonly #links: SlotLinks;
  /** By class. */
  readonly #lists: (SlotList | undefined)[] = [];
  /** Classes that have members, the one first whose turn it is. */
  readonly #classes: number[] = [];
  /** Those that are still served: kept, because a queue is served for as many requests as there are. */
  readonly #round: number[] = [];

  constructor(links: SlotLinks) {
    this.#links = links;
  }

  /** The member whose turn it is, 0 when there is none. */
  get head(): number {
    return this.#classes.length === 0 ? 0 : this.#lists[this.#classes[0]!]!.head;
  }

  /** @param ofClass 0 to 255. */
  push(slot: number, ofClass: number): void {
    this.#lists[ofClass] ??= new SlotList(this.#links);
    const list = this.#lists[ofClass];
    if (list.size === 0) this.#classes.push(ofClass);
    list.push(slot);
    this.size++;
  }

  /** Takes a member out, wherever it stands. */
  remove(slot: number, ofClass: number): void {
    const list = this.#lists[ofClass]!;
    list.remove(slot);
    this.size--;
    if (list.size === 0) this.#classes.splice(this.#classes.indexOf(ofClass), 1);
  }

  /**
   * Serves one member of each class after the other, until nobody is left whose class finds room.
   *
   * @param place takes the member out and @returns true, or false when nothing has room for it, and so for nobody of its class.
   */
  serve(place: (slot: number) => boolean): void {
    const round = this.#round;
    let count = 0;
    for (; count < this.#classes.length; count++) round[count] = this.#classes[count]!;
    while (count > 0) {
      let left = 0;
      for (let i = 0; i < count; i++) {
        const ofClass = round[i]!;
        const slot = this.#lists[ofClass]!.head;
        if (slot === 0 || !place(slot)) continue;
        this.#moveBack(ofClass);
        round[left++] = ofClass;
      }
      count = left;
    }
  }

  /** @returns how many of the class wait. */
  sizeOf(ofClass: number): number {
    return this.#lists[ofClass]?.size ?? 0;
  }

  /** The members of the class that has most of them; undefined when nobody waits. */
  get longest(): { readonly size: number; readonly tail: number } | undefined {
    let longest: SlotList | undefined;
    for (const each of this.#classes) {
      const list = this.#lists[each]!;
      if (longest === undefined || list.size > longest.size) longest = list;
    }
    return longest;
  }

  #moveBack(ofClass: number): void {
    // Nothing moves where there is one class.
    if (this.#classes.length < 2) return;
    const at = this.#classes.indexOf(ofClass);
    if (at < 0) return;
    this.#classes.splice(at, 1);
    this.#classes.push(ofClass);
  }
}
