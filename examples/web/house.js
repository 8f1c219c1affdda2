// The house: what it has, and what a call of a tool does to it. scene.js draws it.
//
// What a model writes is a wish: act() checks every value before it does anything, and refuses what the house cannot
// do.

export const ROOMS = {
  "attic": {heated: true},
  "bedroom": {heated: true},
  "bathroom": {heated: true},
  "nursery": {heated: true},
  "office": {heated: true},
  "living room": {heated: true, lit: true},
  "hallway": {heated: true},
  "kitchen": {heated: true},
  "cellar": {heated: true},
  "garage": {heated: true},
  "porch": {heated: false, lit: true},
  "garden": {heated: false},
};

// The lamps' colors, as the page shows them.
export const COLORS = {
  "warm white": "#ffd9a0", "white": "#f4f6ff", "yellow": "#ffe04d", "orange": "#ff9d3c", "red": "#ff5a52",
  "pink": "#ff8fc7", "purple": "#b57bff", "blue": "#5b8cff", "turquoise": "#43d9d0", "green": "#5fe07a",
};

const INDOORS_CELSIUS = 19;
const OUTDOORS_CELSIUS = 8;
const LEAST_CELSIUS = 5, MOST_CELSIUS = 30;
const MOST_TIMERS = 3, MOST_MINUTES = 24 * 60;
// So that one can watch it.
const DEGREES_A_SECOND = 1;

// What the model is told stands as it was in what it was trained on, with its spaces.
const done = () => ({ok: true, result: '{"ok": true}'});
const refused = (note) => ({ok: false, result: '{"ok": false}', note});

export class House {
  rooms = new Map();
  timers = [];
  // Called with the name of a room, or "timers", when that has changed.
  onchange = () => {};

  constructor() {
    for (const [name, {heated, lit = false}] of Object.entries(ROOMS)) {
      const celsius = heated ? INDOORS_CELSIUS : OUTDOORS_CELSIUS;
      this.rooms.set(name, {on: lit, color: "warm white", celsius, target: null, locked: null, plays: null});
    }
  }

  // Does what a call says. {ok, result, note}: the result is JSON for the model, the note is for people, where it was
  // refused.
  act({name, arguments: given}) {
    if (name === "start_timer") return this.#startTimer(given);
    if (!Object.hasOwn(TOOLS, name)) return refused(`The house has no tool called ${name}.`);
    const room = this.rooms.get(given.room);
    if (!room) return refused(`This house has no ${given.room ?? "such room"}.`);
    const outcome = TOOLS[name](room, given);
    this.onchange(given.room);
    return outcome;
  }

  // Time passes: rooms warm up and cool down, timers run. Returns the timers that have just ended.
  tick(milliseconds) {
    for (const [name, room] of this.rooms) {
      if (room.target === null || room.celsius === room.target) continue;
      const step = DEGREES_A_SECOND * milliseconds / 1000;
      const gap = room.target - room.celsius;
      room.celsius = Math.abs(gap) <= step ? room.target : room.celsius + Math.sign(gap) * step;
      this.onchange(name);
    }
    const now = Date.now();
    const ended = this.timers.filter((timer) => timer.end <= now);
    if (ended.length > 0) this.timers = this.timers.filter((timer) => timer.end > now);
    if (this.timers.length + ended.length > 0) this.onchange("timers");
    return ended;
  }

  #startTimer({minutes}) {
    if (!isWhole(minutes, 1, MOST_MINUTES)) return refused(`A timer cannot run for ${minutes} minutes.`);
    if (this.timers.length === MOST_TIMERS) return refused(`${MOST_TIMERS} timers run already.`);
    this.timers.push({minutes, end: Date.now() + minutes * 60000});
    this.onchange("timers");
    return done();
  }
}

// Each takes the room and the call's arguments, which may be missing or of any type.
const TOOLS = {
  set_light(room, {on}) {
    if (typeof on !== "boolean") return refused(`A light can be on or off, and not ${on}.`);
    room.on = on;
    return done();
  },
  set_color(room, {color}) {
    if (!Object.hasOwn(COLORS, color)) return refused(`The lamps cannot be ${color}.`);
    Object.assign(room, {on: true, color});
    return done();
  },
  set_heating(room, {room: name, celsius}) {
    if (!ROOMS[name].heated) return refused(`The ${name} has no heating.`);
    if (!isWhole(celsius, LEAST_CELSIUS, MOST_CELSIUS)) {
      return refused(`The heating goes from ${LEAST_CELSIUS} to ${MOST_CELSIUS} degrees, and not to ${celsius}.`);
    }
    room.target = celsius;
    return done();
  },
  lock_door(room, {locked}) {
    if (typeof locked !== "boolean") return refused(`A door can be locked or not, and not ${locked}.`);
    room.locked = locked;
    return done();
  },
  play(room, {what}) {
    if (typeof what !== "string" || !what) return refused("There is nothing to play.");
    room.plays = what;
    return done();
  },
  get_temperature(room) {
    return {ok: true, result: `{"celsius": ${Math.round(room.celsius)}}`};
  },
};

function isWhole(value, least, most) {
  return Number.isInteger(value) && value >= least && value <= most;
}
