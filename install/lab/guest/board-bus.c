// SPDX-License-Identifier: GPL-2.0
/* board-bus: an I2C adapter (/dev/i2c-1) that holds a display and a converter, for the emulated board. Raw I2C and SMBus.
 *
 * 0x3c  SSD1306, 128 x 64: the commands that move its window (20 to 22, 00 to 1f, b0 to b7) are obeyed, others are skipped with
 *       their arguments; debugfs board-bus/panel is its memory, column by column in eight pages (datasheet 10.1)
 * 0x48  ADS1115: pointer, configuration, one conversion in the time that its data rate says (datasheet 9.6); debugfs
 *       board-bus/microvolt0 to 3 are its inputs
 * debugfs board-bus/fail: so many of the next transfers end with EREMOTEIO; messages: how many there were
 */
#include <linux/debugfs.h>
#include <linux/i2c.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>

#define DISPLAY 0x3c
#define CONVERTER 0x48
#define COLUMNS 128
#define PAGES 8

static DEFINE_MUTEX(lock);
static struct dentry *folder;
static u32 fail, messages, microvolt[4];

/* the display */
static u8 panel[COLUMNS * PAGES];
static struct debugfs_blob_wrapper panel_file = { .data = panel, .size = sizeof(panel) };
static int first_column, last_column = COLUMNS - 1, first_page, last_page = PAGES - 1, column, page;
static u8 mode = 2; /* page addressing after reset */

static int arguments(u8 command)
{
	switch (command) {
	case 0x21: case 0x22: case 0xa3: return 2;
	case 0x26: case 0x27: return 6;
	case 0x29: case 0x2a: return 5;
	case 0x20: case 0x81: case 0x8d: case 0xa8: case 0xad: case 0xd3: case 0xd5: case 0xd9: case 0xda: case 0xdb: return 1;
	default: return 0;
	}
}

static void obey(u8 command, const u8 *a)
{
	if (command == 0x20)
		mode = a[0] & 3;
	else if (command == 0x21) {
		first_column = column = a[0] & 0x7f;
		last_column = a[1] & 0x7f;
	} else if (command == 0x22) {
		first_page = page = a[0] & 7;
		last_page = a[1] & 7;
	} else if (command < 0x10)
		column = (column & 0x70) | command;
	else if (command < 0x20)
		column = ((command & 7) << 4) | (column & 0x0f);
	else if ((command & 0xf8) == 0xb0)
		page = command & 7;
}

static void show(u8 octet)
{
	panel[page * COLUMNS + column] = octet;
	if (mode == 2) {
		column = (column + 1) % COLUMNS;
	} else if (column != last_column) {
		column = (column + 1) % COLUMNS;
	} else {
		column = first_column;
		page = page == last_page ? first_page : (page + 1) % PAGES;
	}
}

static void display(const struct i2c_msg *m)
{
	int i, n;

	if (m->flags & I2C_M_RD) {
		memset(m->buf, 0, m->len);
		return;
	}
	for (i = 1; i < m->len; i++) {
		if (m->buf[0] & 0x40) {
			show(m->buf[i]);
			continue;
		}
		n = arguments(m->buf[i]);
		if (i + n < m->len)
			obey(m->buf[i], m->buf + i + 1);
		i += n;
	}
}

/* the converter */
static const int rates[8] = { 8, 16, 32, 64, 128, 250, 475, 860 };             /* per second */
static const int ranges_mv[8] = { 6144, 4096, 2048, 1024, 512, 256, 256, 256 };
static u16 registers[4] = { 0, 0x8583, 0x8000, 0x7fff };
static u8 pointer;
static ktime_t ready;

static s16 counts(void)
{
	int mux = registers[1] >> 12 & 7, range = ranges_mv[registers[1] >> 9 & 7];
	s64 uv = mux >= 4 ? microvolt[mux - 4] : (s64)microvolt[mux == 3 ? 2 : mux == 0 ? 0 : 1] - microvolt[mux == 0 ? 1 : 3];

	return clamp_t(s64, div_s64(uv * 32768, range * 1000), -32768, 32767);
}

static void converter(const struct i2c_msg *m)
{
	u16 value;
	int i;

	if (m->flags & I2C_M_RD) {
		value = registers[pointer];
		if (pointer == 0)
			value = counts();
		else if (pointer == 1)
			value = (value & 0x7fff) | (ktime_after(ktime_get(), ready) ? 0x8000 : 0);
		for (i = 0; i < m->len; i++)
			m->buf[i] = i & 1 ? value : value >> 8;
		return;
	}
	if (m->len)
		pointer = m->buf[0] & 3;
	if (m->len >= 3) {
		registers[pointer] = m->buf[1] << 8 | m->buf[2];
		if (pointer == 1 && registers[1] & 0x8000)
			ready = ktime_add_us(ktime_get(), 1000000 / rates[registers[1] >> 5 & 7]);
	}
}

static int transfer(struct i2c_adapter *adapter, struct i2c_msg *m, int n)
{
	int i, result = n;

	mutex_lock(&lock);
	messages += n;
	if (fail) {
		fail--;
		result = -EREMOTEIO;
	}
	for (i = 0; i < n && result == n; i++) {
		if (m[i].addr == DISPLAY)
			display(&m[i]);
		else if (m[i].addr == CONVERTER)
			converter(&m[i]);
		else
			result = -ENXIO;
	}
	mutex_unlock(&lock);
	return result;
}

static u32 functionality(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL;
}

static const struct i2c_algorithm algorithm = { .master_xfer = transfer, .functionality = functionality };
static struct i2c_adapter adapter = { .owner = THIS_MODULE, .algo = &algorithm, .name = "board-bus", .nr = 1 };

static int __init begin(void)
{
	char name[16];
	int i, result;

	folder = debugfs_create_dir("board-bus", NULL);
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "microvolt%d", i);
		debugfs_create_u32(name, 0600, folder, &microvolt[i]);
	}
	debugfs_create_u32("fail", 0600, folder, &fail);
	debugfs_create_u32("messages", 0400, folder, &messages);
	debugfs_create_blob("panel", 0400, folder, &panel_file);
	result = i2c_add_numbered_adapter(&adapter);
	if (result)
		debugfs_remove_recursive(folder);
	return result;
}

static void __exit end(void)
{
	i2c_del_adapter(&adapter);
	debugfs_remove_recursive(folder);
}

module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("I2C bus of an emulated board: display and converter");
